using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>
/// A one-byte debug port: what the guest writes goes to the peer, reads answer a fixed byte (0xE9 tells a guest that somebody
/// listens). Serves the firmware debug port 0x402 and the debug console, whose port is configurable.
/// </summary>
public sealed class PortSink(ISerialPeer peer, byte readValue = PortSink.Present) : IBusDevice
{
    /// <summary>The firmware debug port.</summary>
    public const ushort FirmwarePort = 0x402;

    /// <summary>The customary debug console port.</summary>
    public const ushort DebugConsolePort = 0xe9;

    /// <summary>What a read of a present debug port gives.</summary>
    public const byte Present = 0xe9;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data) => data.Fill(readValue);

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data) peer.Transmit(value);
    }
}
