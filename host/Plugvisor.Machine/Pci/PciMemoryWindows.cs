using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci.Msix;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The parts of a device's BARs that are host memory: each has a memory slot, which lies where the guest puts the BAR and nowhere while decoding is off. Changed under the lock
/// of the function; looked up without one.
/// </summary>
internal sealed class PciMemoryWindows : IDisposable
{
    private readonly Window[] _windows;
    private readonly IDeviceLog _log;

    private PciMemoryWindows(Window[] windows, IDeviceLog log)
    {
        _windows = windows;
        _log = log;
    }

    /// <summary>Takes a slot for each part, after a look whether it is possible. The guest sees none yet.</summary>
    /// <param name="id">The device's id.</param>
    /// <param name="parts">What the device declares.</param>
    /// <param name="bars">Its BARs, with that of the MSI-X table.</param>
    /// <param name="msix">Where the table lies, or null.</param>
    /// <param name="vectors">Its vectors.</param>
    /// <param name="mappings">Gives the slots.</param>
    /// <param name="log">The device's log.</param>
    /// <exception cref="DeviceException">A part is impossible, or there is no slot left.</exception>
    public static PciMemoryWindows Make(
        string id, IReadOnlyList<PciBarMemory> parts, PciBars bars, PciMsixPlacement? msix, int vectors, GuestMappings? mappings, IDeviceLog log)
    {
        if (mappings is null) throw new DeviceException($"device {id} has memory in its BARs, for which this machine has no place");
        for (int i = 0; i < parts.Count; i++)
        {
            PciBarMemory part = parts[i];
            ulong length = part.Mapping.Length;
            if (bars[part.Bar] is not { IsIo: false } bar) throw Wrong(id, part, $"no memory BAR of it");
            if (length == 0 || (part.Offset | length) % GuestMapping.PageSize != 0 || length > bar.Length || part.Offset > bar.Length - length)
                throw Wrong(id, part, $"not whole pages of the 0x{bar.Length:x} bytes that the BAR has");
            if (msix is not null && msix.Bar == part.Bar
                && (Overlap(part, msix.TableOffset, (ulong)vectors * MsixTable.EntrySize) || Overlap(part, msix.PendingOffset, MsixWindow.PendingLength(vectors))))
            {
                throw Wrong(id, part, "where its MSI-X table or pending bits are");
            }

            for (int j = 0; j < i; j++)
            {
                if (parts[j].Bar == part.Bar && Overlap(part, parts[j].Offset, parts[j].Mapping.Length)) throw Wrong(id, part, "where other memory of it is");
            }
        }

        var windows = new Window[parts.Count];
        int made = 0;
        try
        {
            for (; made < windows.Length; made++) windows[made] = new Window(parts[made], mappings.Add(id, parts[made].Mapping));
            return new PciMemoryWindows(windows, log);
        }
        catch
        {
            for (int i = 0; i < made; i++) windows[i].Slot.Dispose();
            throw;
        }
    }

    /// <summary>Whether memory lies at an offset of a BAR: accesses that come to the host all the same are nobody's.</summary>
    public bool Has(int bar, ulong offset)
    {
        foreach (Window window in _windows)
        {
            if (window.Part.Bar == bar && offset - window.Part.Offset < window.Part.Mapping.Length) return true;
        }

        return false;
    }

    /// <summary>How many of <paramref name="length"/> bytes from an offset where no memory is lie before the next memory.</summary>
    public int Before(int bar, ulong offset, int length)
    {
        foreach (Window window in _windows)
        {
            if (window.Part.Bar == bar && window.Part.Offset > offset) length = (int)ulong.Min((ulong)length, window.Part.Offset - offset);
        }

        return length;
    }

    /// <summary>The BAR is about to answer at an address.</summary>
    /// <param name="bar">Its index.</param>
    /// <param name="address">Its new address.</param>
    /// <param name="error">Why not all of its memory can be there.</param>
    /// <returns>False when the kernel refuses; all of the memory is where it was then.</returns>
    public bool TryMove(int bar, ulong address, out string? error)
    {
        for (int i = 0; i < _windows.Length; i++)
        {
            Window window = _windows[i];
            if (window.Part.Bar != bar) continue;
            window.Before = window.Slot.Address;
            try
            {
                window.Slot.MoveTo(address + window.Part.Offset);
            }
            catch (HypervisorException e)
            {
                error = e.Message;
                for (int back = 0; back < i; back++)
                {
                    if (_windows[back].Part.Bar == bar) Put(_windows[back], _windows[back].Before);
                }

                return false;
            }
        }

        error = null;
        return true;
    }

    /// <summary>The BAR answers nowhere any more.</summary>
    public void Unmap(int bar)
    {
        foreach (Window window in _windows)
        {
            if (window.Part.Bar == bar) Put(window, 0);
        }
    }

    /// <summary>Gives the slots back. The device is off its bus.</summary>
    public void Dispose()
    {
        foreach (Window window in _windows) window.Slot.Dispose();
    }

    private void Put(Window window, ulong address)
    {
        try
        {
            if (address == 0) window.Slot.Unmap();
            else window.Slot.MoveTo(address);
        }
        catch (HypervisorException e)
        {
            _log.Warn($"memory in BAR {window.Part.Bar} stays at guest address 0x{window.Slot.Address:x}: {e.Message}");
        }
    }

    private static bool Overlap(PciBarMemory part, ulong start, ulong length) =>
        part.Offset < start + length && start < part.Offset + part.Mapping.Length;

    private static DeviceException Wrong(string id, PciBarMemory part, string why) =>
        new($"device {id} declares 0x{part.Mapping.Length:x} bytes of memory at 0x{part.Offset:x} of BAR {part.Bar}, which is {why}");

    private sealed class Window(PciBarMemory part, GuestMapping slot)
    {
        public PciBarMemory Part => part;

        public GuestMapping Slot => slot;

        public ulong Before { get; set; }
    }
}
