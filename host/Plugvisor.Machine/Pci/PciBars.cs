using System.Numerics;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Buses;

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
    private const uint TypeIo = 0b1;
    private const uint MemoryFlags = 0b1111, IoFlags = 0b11;   // not part of the address

    private readonly PciFunction _function;
    private readonly PciBar?[] _bars = new PciBar?[Registers];

    internal PciBars(PciFunction function) => _function = function;

    /// <summary>The BAR whose first register is <paramref name="index"/>, or null.</summary>
    public PciBar? this[int index] => (uint)index < Registers ? _bars[index] : null;

    /// <summary>Declares a BAR. Before the function is put on a bus.</summary>
    /// <param name="index">Its (first) register.</param>
    /// <param name="kind">What it decodes.</param>
    /// <param name="length">Bytes that the function answers; the BAR is rounded up to a power of two.</param>
    /// <param name="prefetchable">Whether reads have no side effects.</param>
    /// <exception cref="ArgumentException">The index is taken or too high, or the length cannot be had.</exception>
    public PciBar Add(int index, PciBarKind kind, ulong length, bool prefetchable = false)
    {
        bool io = kind == PciBarKind.Io, wide = kind == PciBarKind.Memory64;
        if (!IsFree(index) || (wide && !IsFree(index + 1))) throw new ArgumentException($"BAR {index} is not free", nameof(index));
        ulong most = io ? 1UL << 16 : wide ? 1UL << 62 : 1UL << 31;
        if (length == 0 || length > most || (io && prefetchable))
            throw new ArgumentException($"BAR {index} cannot be {kind} with a size of 0x{length:x}", nameof(length));
        ulong size = Math.Max(BitOperations.RoundUpToPowerOf2(length), io ? 4u : 16u);
        int offset = Register(index);
        ulong mask = ~(size - 1);
        PciConfigSpace config = _function.Config;
        config.Set32(offset, io ? TypeIo : (wide ? Type64 : 0) | (prefetchable ? Prefetchable : 0));
        // There are 65,536 ports, so the upper half of a port BAR is wired to 0 (section 6.2.5.1).
        config.AllowWrite32(offset, io ? (uint)mask & 0xffff : (uint)mask);
        if (wide) config.AllowWrite32(offset + 4, (uint)(mask >> 32));
        if (io) config.AllowMoreWrites16(PciRegisters.Command, PciRegisters.CommandIo);
        return _bars[index] = new PciBar(_function, index, kind, length, size, prefetchable);
    }

    /// <summary>Whether a BAR can have this register.</summary>
    public bool IsFree(int index) => (uint)index < Registers && _bars[index] is null
        && (index == 0 || _bars[index - 1] is not { Kind: PciBarKind.Memory64 });

    /// <summary>The address that the registers hold, whether or not the BAR answers there.</summary>
    internal ulong Programmed(PciBar bar)
    {
        int offset = Register(bar.Index);
        ulong address = _function.Config.Get32(offset) & ~(bar.IsIo ? IoFlags : MemoryFlags);
        return bar.Kind == PciBarKind.Memory64 ? address | (ulong)_function.Config.Get32(offset + 4) << 32 : address;
    }

    internal void Program(PciBar bar, ulong address)
    {
        int offset = Register(bar.Index);
        PciConfigSpace config = _function.Config;
        config.Set32(offset, (config.Get32(offset) & (bar.IsIo ? IoFlags : MemoryFlags)) | (uint)address);
        if (bar.Kind == PciBarKind.Memory64) config.Set32(offset + 4, (uint)(address >> 32));
    }

    /// <summary>The guest wrote configuration space.</summary>
    internal void ConfigWritten(int offset, ReadOnlySpan<byte> data, PciSegment segment)
    {
        int end = offset + data.Length;
        bool command = offset <= PciRegisters.Command && end > PciRegisters.Command;
        if (!command && (end <= PciRegisters.Bar0 || offset >= PciRegisters.BarsEnd)) return;
        foreach (PciBar? bar in _bars)
        {
            if (bar is not null) NoteSizing(bar, offset, data);
        }

        Update(segment);
    }

    /// <summary>Makes every BAR answer where its register says, where that is allowed.</summary>
    internal void Update(PciSegment segment)
    {
        ushort command = _function.Config.Get16(PciRegisters.Command);
        foreach (PciBar? bar in _bars)
        {
            if (bar is null) continue;
            bool decode = (command & (bar.IsIo ? PciRegisters.CommandIo : PciRegisters.CommandMemory)) != 0;
            if (!decode) Unmap(bar, segment);
            else if (bar.Sizing == 0) Move(bar, Programmed(bar), segment);
        }
    }

    internal void UnmapAll(PciSegment segment)
    {
        foreach (PciBar? bar in _bars)
        {
            if (bar is not null) Unmap(bar, segment);
        }
    }

    /// <summary>As after power-on: nothing answers, the registers hold 0.</summary>
    internal void Reset(PciSegment segment)
    {
        UnmapAll(segment);
        foreach (PciBar? bar in _bars)
        {
            if (bar is null) continue;
            Program(bar, 0);
            bar.Sizing = 0;
        }
    }

    /// <summary>Adds what these BARs occupy, or will when decoding is enabled, to <paramref name="busy"/>.</summary>
    internal void CollectBusy(PciBusyRanges busy)
    {
        foreach (PciBar? bar in _bars)
        {
            if (bar is null) continue;
            if (bar.IsMapped) busy.Add(bar.Kind, bar.Address, bar.Size);
            ulong programmed = Programmed(bar);
            if (programmed != 0 && programmed <= ulong.MaxValue - bar.Size) busy.Add(bar.Kind, programmed, bar.Size);
        }
    }

    internal ReadOnlySpan<PciBar?> All => _bars;

    private void Move(PciBar bar, ulong wanted, PciSegment segment)
    {
        if (bar.IsMapped && bar.Address == wanted) return;
        Bus bus = BusOf(bar, segment);
        PciApertures apertures = segment.Apertures;
        bool inside = bar.IsIo
            ? apertures.Ports.Contains(wanted, bar.Size)
            : apertures.Below4G.Contains(wanted, bar.Size) || (bar.Kind == PciBarKind.Memory64 && apertures.Above4G.Contains(wanted, bar.Size));
        // BARs are naturally aligned, so the old and the new place of one BAR never overlap, and the bus refuses every other overlap.
        string? refusal = null;
        bool free = inside && bus.TryAdd(wanted, bar.Size, bar);
        if (!free || !_function.TryMoveMemory(bar, wanted, out refusal))
        {
            if (free) bus.Remove(wanted);
            if (bar.Refused == wanted) return;
            bar.Refused = wanted;
            string stays = bar.IsMapped ? $"stays at 0x{bar.Address:x}" : "is not mapped";
            string why = free ? $"where its memory cannot be ({refusal})" : inside ? "which is taken" : "which is outside the windows for PCI devices";
            _function.Log.GuestTriggered($"the guest moved BAR {bar.Index} to 0x{wanted:x}, {why}; it {stays}");
            return;
        }

        bool moved = bar.IsMapped;
        ulong old = bar.Address;
        bar.IsMapped = true;
        bar.Address = wanted;
        bar.Refused = null;
        _function.BarChanged(bar);
        if (moved) bus.Remove(old);
    }

    private void Unmap(PciBar bar, PciSegment segment)
    {
        if (!bar.IsMapped) return;
        bar.IsMapped = false;
        BusOf(bar, segment).Remove(bar.Address);
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

    private static Bus BusOf(PciBar bar, PciSegment segment) => bar.IsIo ? segment.Ports : segment.Mmio;

    private static int Register(int index) => PciRegisters.Bar0 + 4 * index;
}
