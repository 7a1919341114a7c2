using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// Anything on a PCI bus: an identity, configuration registers, BARs. Derived classes give the BARs a meaning, and may answer
/// configuration registers themselves. The guest's accesses come on vCPU threads, several at once, and nothing it does throws.
/// </summary>
public abstract class PciFunction
{
    private readonly Lock _lock = new();

    /// <summary>A function that is on no bus yet.</summary>
    /// <param name="id">Unique id in the VM.</param>
    /// <param name="config">Its configuration registers.</param>
    /// <param name="log">The log; lines carry the id.</param>
    protected PciFunction(string id, PciConfigSpace config, IDeviceLog log)
    {
        Id = id;
        Config = config;
        Log = log;
        Bars = new PciBars(this);
    }

    /// <summary>Unique id in the VM.</summary>
    public string Id { get; }

    /// <summary>Slot number, or -1 while the function is on no bus.</summary>
    public int Slot { get; internal set; } = -1;

    /// <summary>The BARs.</summary>
    public PciBars Bars { get; }

    /// <summary>Configuration registers; after construction under the function's lock only.</summary>
    protected internal PciConfigSpace Config { get; }

    /// <summary>The log.</summary>
    protected internal IDeviceLog Log { get; }

    /// <summary>The bus that the function is on, or null.</summary>
    protected PciSegment? Segment { get; private set; }

    /// <summary>The address as the API spells it (<c>0000:00:01.0</c>), or null while the function is on no bus.</summary>
    public string? Address => Segment is { } segment && Slot >= 0 ? $"{segment.Number:x4}:00:{Slot:x2}.0" : null;

    /// <summary>The BARs as they are now. Any thread.</summary>
    public IReadOnlyList<PciBarResource> DescribeBars()
    {
        var bars = new List<PciBarResource>();
        lock (_lock)
        {
            foreach (PciBar? bar in Bars.All)
            {
                if (bar is null) continue;
                ulong start = bar.IsMapped ? bar.Address : Bars.Programmed(bar);
                bars.Add(new PciBarResource(bar.Index, start, bar.Length, bar.Kind, bar.IsPrefetchable));
            }
        }

        return bars;
    }

    /// <summary>A guest read of configuration space: any offset and width; what is past the end reads as all ones.</summary>
    internal void GuestReadConfig(int offset, Span<byte> data)
    {
        data.Fill(0xff);
        if (offset is < 0 or >= PciConfigSpace.Size) return;
        ReadConfig(offset, data[..Math.Min(data.Length, PciConfigSpace.Size - offset)]);
    }

    /// <summary>A guest write to configuration space: any offset and width; what is past the end is dropped.</summary>
    internal void GuestWriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        if (offset is < 0 or >= PciConfigSpace.Size) return;
        WriteConfig(offset, data[..Math.Min(data.Length, PciConfigSpace.Size - offset)]);
    }

    /// <summary>Places the BARs and lets them answer. Called by the segment.</summary>
    /// <returns>False when an aperture is full; nothing is mapped then.</returns>
    internal bool TryAttach(PciSegment segment, PciBusyRanges busy)
    {
        lock (_lock)
        {
            foreach (PciBar? bar in Bars.All)
            {
                if (bar is null) continue;
                if (!BarAllocator.TryFind(segment.Apertures, bar.Kind, bar.Size, busy, out ulong address)) return false;
                Bars.Program(bar, address);
                busy.Add(bar.Kind, address, bar.Size);
            }

            Segment = segment;
            Bars.Update(segment);
            return true;
        }
    }

    internal void Detach()
    {
        lock (_lock)
        {
            if (Segment is not { } segment) return;
            Segment = null;
            Bars.UnmapAll(segment);
            Slot = -1;
        }
    }

    internal void CollectBusy(PciBusyRanges busy)
    {
        lock (_lock) Bars.CollectBusy(busy);
    }

    /// <summary>Reads configuration registers; the range lies in the space.</summary>
    protected virtual void ReadConfig(int offset, Span<byte> data)
    {
        lock (_lock) Config.Read(offset, data);
    }

    /// <summary>Writes configuration registers; the range lies in the space.</summary>
    protected virtual void WriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            Config.Write(offset, data);
            if (Segment is { } segment) Bars.ConfigWritten(offset, data, segment);
            ConfigChanged(offset, data.Length);
        }
    }

    /// <summary>Command register and BARs as after power-on: the function answers nothing but configuration accesses.</summary>
    protected void ResetRegisters()
    {
        lock (_lock)
        {
            Config.Set16(PciRegisters.Command, 0);
            if (Segment is { } segment) Bars.Reset(segment);
            ConfigReset();
        }
    }

    /// <summary>The function's registers were reset. Under the function's lock; must not throw.</summary>
    protected virtual void ConfigReset() { }

    /// <summary>The guest wrote a range of configuration registers. Under the function's lock.</summary>
    protected virtual void ConfigChanged(int offset, int length) { }

    /// <summary>
    /// A BAR is about to answer at an address, where nothing else is: puts the memory behind it there. Under the function's lock; must not throw.
    /// </summary>
    /// <param name="bar">The BAR, which still answers where it did, if anywhere.</param>
    /// <param name="address">Where it will.</param>
    /// <param name="error">Why its memory cannot be there.</param>
    /// <returns>False when it cannot; nothing has changed then.</returns>
    protected internal virtual bool TryMoveMemory(PciBar bar, ulong address, out string? error)
    {
        error = null;
        return true;
    }

    /// <summary>A BAR was mapped, moved or unmapped. Under the function's lock; must not throw.</summary>
    protected internal virtual void BarChanged(PciBar bar) { }

    /// <summary>A guest read of a BAR. The range lies in the BAR and is filled with ones; any offset and width.</summary>
    protected internal virtual void ReadBar(int bar, ulong offset, Span<byte> data) { }

    /// <summary>A guest write to a BAR. The range lies in the BAR; any offset and width.</summary>
    protected internal virtual void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data) { }
}
