namespace Plugvisor.Machine.Buses;

/// <summary>
/// Something that answers accesses to a range of ports or of guest-physical addresses. Called on vCPU threads, by several at
/// once. Never throws for anything the guest does: widths from 1 to 8 at any offset of the range, also across its end.
/// </summary>
public interface IBusDevice
{
    /// <summary>Reads. What is not implemented is left as it comes, all ones.</summary>
    /// <param name="offset">Offset from the start of the registered range.</param>
    /// <param name="data">Receives the bytes; filled with 0xff by the bus.</param>
    void Read(ulong offset, Span<byte> data);

    /// <summary>Writes. What is not implemented is dropped.</summary>
    void Write(ulong offset, ReadOnlySpan<byte> data);
}
