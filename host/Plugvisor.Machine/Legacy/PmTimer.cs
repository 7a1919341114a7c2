using System.Buffers.Binary;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>The ACPI power management timer (ACPI 6.3 section 4.8.3.3): 32 bits, 3.579545 MHz, from the host's monotonic clock.</summary>
public sealed class PmTimer(TimeProvider clock) : IBusDevice
{
    /// <summary>The port.</summary>
    public const ushort Port = 0x608;

    /// <summary>Number of ports.</summary>
    public const int Length = 4;

    private const long Frequency = 3_579_545;

    private readonly long _start = clock.GetTimestamp();

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        Int128 elapsed = clock.GetTimestamp() - _start;
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(ulong)(elapsed * Frequency / clock.TimestampFrequency));
        for (int i = 0; i < data.Length && (int)offset + i < bytes.Length; i++) data[i] = bytes[(int)offset + i];
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        // Read-only.
    }
}
