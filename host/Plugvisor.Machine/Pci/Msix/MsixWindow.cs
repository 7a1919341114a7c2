using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Machine.Pci.Msix;

/// <summary>The part of a BAR in which the table and the pending bits of a function lie. No state of its own; any thread.</summary>
/// <param name="table">The table.</param>
/// <param name="place">Where it lies, and the pending bits.</param>
/// <param name="wholeBar">Whether nothing else is in that BAR.</param>
internal sealed class MsixWindow(MsixTable table, PciMsixPlacement place, bool wholeBar)
{
    private readonly ulong _tableLength = (ulong)table.Count * MsixTable.EntrySize;
    private readonly ulong _pendingLength = PendingLength(table.Count);

    /// <summary>Bytes of pending bits for a number of vectors: 64 bits at a time (PCI Local Bus 3.0 section 6.8.2.10).</summary>
    public static ulong PendingLength(int vectors) => ((ulong)vectors + 63) / 64 * 8;

    /// <summary>Whether an access that starts there is none of the device's.</summary>
    public bool Has(int bar, ulong offset) => bar == place.Bar
        && (wholeBar || offset - place.TableOffset < _tableLength || offset - place.PendingOffset < _pendingLength);

    /// <summary>How much of an access that starts at the device's registers stays there.</summary>
    public int Before(int bar, ulong offset, int length)
    {
        if (bar != place.Bar) return length;
        ulong room = Math.Min(Distance(offset, place.TableOffset), Distance(offset, place.PendingOffset));
        return (int)Math.Min(room, (ulong)length);
    }

    /// <summary>Reads; what is neither table nor pending bits is left as it is.</summary>
    public void Read(ulong offset, Span<byte> data)
    {
        if (offset - place.TableOffset < _tableLength) table.ReadTable(offset - place.TableOffset, data);
        else if (offset - place.PendingOffset < _pendingLength) table.ReadPending(offset - place.PendingOffset, data);
    }

    /// <summary>Writes the table; pending bits are read-only.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset - place.TableOffset < _tableLength) table.WriteTable(offset - place.TableOffset, data);
    }

    private static ulong Distance(ulong from, uint to) => from < to ? to - from : ulong.MaxValue;
}
