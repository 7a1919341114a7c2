using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;

namespace Plugvisor.VhostUser.Devices;

/// <summary>
/// What another instance of a device needs to go on, as bytes: a version, then fields of fixed size, then the config space. Which descriptors come with it is in
/// the flags, in the order socket, back channel, memory for what is in flight.
/// </summary>
internal sealed record LinkState
{
    private const byte Version = 1;
    private const byte SessionFlag = 1, ChannelFlag = 2, InflightFlag = 4;
    private const int FixedLength = 4 + 7 * sizeof(ulong);

    public required int Queues { get; init; }

    public required ulong OfferedFeatures { get; init; }

    /// <summary>What was agreed with the back end; null when there was none at that moment.</summary>
    public SessionTerms? Terms { get; init; }

    public bool HasChannel { get; init; }

    /// <summary>Size and offset of the memory for what is in flight, or null.</summary>
    public (ulong Size, ulong Offset)? Inflight { get; init; }

    public byte[] Config { get; init; } = [];

    /// <summary>How many descriptors belong to it.</summary>
    public int Descriptors => (Terms is null ? 0 : 1) + (HasChannel ? 1 : 0) + (Inflight is null ? 0 : 1);

    /// <summary>Writes it.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedLength + Config.Length];
        bytes[0] = Version;
        bytes[1] = (byte)((Terms is null ? 0 : SessionFlag) | (HasChannel ? ChannelFlag : 0) | (Inflight is null ? 0 : InflightFlag));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)Queues);
        SessionTerms terms = Terms ?? default;
        (ulong size, ulong offset) = Inflight ?? default;
        ReadOnlySpan<ulong> fields = [OfferedFeatures, terms.Features, (ulong)terms.Protocol, terms.MaxQueues, terms.MaxRegions, size, offset];
        for (int i = 0; i < fields.Length; i++) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4 + i * sizeof(ulong)), fields[i]);
        Config.CopyTo(bytes.AsSpan(FixedLength));
        return bytes;
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="DeviceException">Another version saved it, or it is none.</exception>
    public static LinkState From(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedLength || bytes[0] != Version)
            throw new DeviceException($"the saved state is not one of a vhost-user device in version {Version} (it begins with {(bytes.IsEmpty ? "nothing" : bytes[0].ToString(System.Globalization.CultureInfo.InvariantCulture))}, {bytes.Length} bytes)");
        Span<ulong> fields = stackalloc ulong[7];
        for (int i = 0; i < fields.Length; i++) fields[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(4 + i * sizeof(ulong))..]);
        byte flags = bytes[1];
        return new LinkState
        {
            Queues = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            OfferedFeatures = fields[0],
            Terms = (flags & SessionFlag) != 0 ? new SessionTerms(fields[1], (ProtocolFeatures)fields[2], fields[3], fields[4]) : null,
            HasChannel = (flags & ChannelFlag) != 0,
            Inflight = (flags & InflightFlag) != 0 ? (fields[5], fields[6]) : null,
            Config = bytes[FixedLength..].ToArray(),
        };
    }
}
