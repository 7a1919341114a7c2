namespace Plugvisor.Testing.Queues;

/// <summary>One buffer of a chain, as the driver describes it.</summary>
/// <param name="Address">Guest address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsWritable">Whether the device writes it; the readable ones of a chain come first.</param>
public readonly record struct DriverBuffer(ulong Address, uint Length, bool IsWritable)
{
    /// <summary>A buffer that the device reads.</summary>
    public static DriverBuffer Readable(ulong address, uint length) => new(address, length, false);

    /// <summary>A buffer that the device writes.</summary>
    public static DriverBuffer Writable(ulong address, uint length) => new(address, length, true);
}
