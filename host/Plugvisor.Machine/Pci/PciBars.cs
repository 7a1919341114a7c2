using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The base address registers of one function. The guest sizes them by writing all ones and moves them by writing an address;
/// a move takes effect when memory decoding is (or gets) enabled and the place is inside an aperture and free. What is refused
/// changes nothing: the BAR answers where it answered before, and the register keeps what was written, as sizing needs it.
/// Accesses by other vCPUs meanwhile find the BAR at its old place, its new one or, for a moment, at both.
/// All members under the lock of the function.
/// </summary>
public sealed class PciBars
{
    private const int Registers = 6;
    private const uint Type64 = 0b100;
    private const uint Prefetchable = 0b1000;

    private readonly PciFunction _function;
    private readonly PciBar?[] _bars = new PciBar?[Registers];

    internal PciBars(PciFunction function) => _function = function;

    /// <summary>The BAR whose first register is <paramref name="index"/>, or null.</summary>
    public PciBar? this[int index] => (uint)index < Registers ? _bars[index] : null;

    /// <summary>Declares a BAR. Before the function is put on a bus.</summary>
    /// <exception cref="ArgumentException">The index is taken or too high, or the size is not a power of two of at least 16.</exception>
    public PciBar Add(int index, PciBarKind kind, ulong size, bool prefetchable = false)
    {
        int last = kind == PciBarKind.Memory64 ? index + 1 : index;
        if (index < 0 || last >= Registers || _bars[index] is not null)
            throw new ArgumentException($"BAR {index} is not free", nameof(index));
        if (size < 16 || !ulong.IsPow2(size) || (kind == PciBarKind.Memory32 && size > 1UL << 31))
            throw new ArgumentException($"BAR {index} cannot have a size of 0x{size:x}", nameof(size));
        int offset = Register(index);
        ulong mask = ~(size - 1);
        PciConfigSpace config = _function.Config;
        config.Set32(offset, (kind == PciBarKind.Memory64 ? Type64 : 0) | (prefetchable ? Prefetchable : 0));
        config.AllowWrite32(offset, (uint)mask);
        if (kind == PciBarKind.Memory64) config.AllowWrite32(offset + 4, (uint)(mask >> 32));
        return _bars[index] = new PciBar(_function, index, kind, size, prefetchable);
    }

    /// <summary>The address that the registers hold, whether or not the BAR answers there.</summary>
    internal ulong Programmed(PciBar bar)
    {
        int offset = Register(bar.Index);
        ulong address = _function.Config.Get32(offset) & ~0xfu;
        return bar.Kind == PciBarKind.Memory64 ? address | (ulong)_function.Config.Get32(offset + 4) << 32 : address;
    }

    internal void Program(PciBar bar, ulong address)
    {
        int offset = Register(bar.Index);
        PciConfigSpace config = _function.Config;
        config.Set32(offset, (config.Get32(offset) & 0xf) | (uint)address);
        if (bar.Kind == PciBarKind.Memory64) config.Set32(offset + 4, (uint)(address >> 32));
    }

    /// <summary>The guest wrote configuration space.</summary>
    internal void ConfigWritten(int offset, ReadOnlySpan<byte> data, Bus mmio, PciApertures apertures)
    {
        int end = offset + data.Length;
        bool command = offset <= PciRegisters.Command && end > PciRegisters.Command;
        if (!command && (end <= PciRegisters.Bar0 || offset >= PciRegisters.BarsEnd)) return;
        foreach (PciBar? bar in _bars)
        {
            if (bar is not null) NoteSizing(bar, offset, data);
        }

        Update(mmio, apertures);
    }

    /// <summary>Makes every BAR answer where its register says, where that is allowed.</summary>
    internal void Update(Bus mmio, PciApertures apertures)
    {
        bool decode = (_function.Config.Get16(PciRegisters.Command) & PciRegisters.CommandMemory) != 0;
        foreach (PciBar? bar in _bars)
        {
            if (bar is null) continue;
            if (!decode) Unmap(bar, mmio);
            else if (bar.Sizing == 0) Move(bar, Programmed(bar), mmio, apertures);
        }
    }

    internal void UnmapAll(Bus mmio)
    {
        foreach (PciBar? bar in _bars)
        {
            if (bar is not null) Unmap(bar, mmio);
        }
    }

    /// <summary>Adds what these BARs occupy, or will when decoding is enabled, to <paramref name="busy"/>.</summary>
    internal void CollectBusy(List<AddressRange> busy)
    {
        foreach (PciBar? bar in _bars)
        {
            if (bar is null) continue;
            if (bar.IsMapped) busy.Add(new AddressRange(bar.Address, bar.Size));
            ulong programmed = Programmed(bar);
            if (programmed != 0 && programmed <= ulong.MaxValue - bar.Size) busy.Add(new AddressRange(programmed, bar.Size));
        }
    }

    internal ReadOnlySpan<PciBar?> All => _bars;

    private void Move(PciBar bar, ulong wanted, Bus mmio, PciApertures apertures)
    {
        if (bar.IsMapped && bar.Address == wanted) return;
        bool inside = apertures.Below4G.Contains(wanted, bar.Size)
            || (bar.Kind == PciBarKind.Memory64 && apertures.Above4G.Contains(wanted, bar.Size));
        // BARs are naturally aligned, so the old and the new place of one BAR never overlap, and the bus refuses every other overlap.
        if (!inside || !mmio.TryAdd(wanted, bar.Size, bar))
        {
            if (bar.Refused == wanted) return;
            bar.Refused = wanted;
            string stays = bar.IsMapped ? $"stays at 0x{bar.Address:x}" : "is not mapped";
            string why = inside ? "which is taken" : "which is outside the windows for PCI devices";
            _function.Log.GuestTriggered($"the guest moved BAR {bar.Index} to 0x{wanted:x}, {why}; it {stays}");
            return;
        }

        bool moved = bar.IsMapped;
        ulong old = bar.Address;
        bar.IsMapped = true;
        bar.Address = wanted;
        bar.Refused = null;
        _function.BarChanged(bar);
        if (moved) mmio.Remove(old);
    }

    private void Unmap(PciBar bar, Bus mmio)
    {
        if (!bar.IsMapped) return;
        bar.IsMapped = false;
        mmio.Remove(bar.Address);
        _function.BarChanged(bar);
    }

    /// <summary>
    /// With decoding enabled, the all-ones of a sizing must not count as a move: the value between is no place the guest wants,
    /// and the doorbells would go there and back.
    /// </summary>
    private static void NoteSizing(PciBar bar, int offset, ReadOnlySpan<byte> data)
    {
        int count = bar.Kind == PciBarKind.Memory64 ? 2 : 1;
        for (int half = 0; half < count; half++)
        {
            int register = Register(bar.Index) + 4 * half;
            if (offset + data.Length <= register || offset >= register + 4) continue;
            bool ones = offset <= register && offset + data.Length >= register + 4
                && data.Slice(register - offset, 4).IndexOfAnyExcept((byte)0xff) < 0;
            bar.Sizing = ones ? bar.Sizing | 1 << half : bar.Sizing & ~(1 << half);
        }
    }

    private static int Register(int index) => PciRegisters.Bar0 + 4 * index;
}
