using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Network;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// What a network device carries from one instance to the next besides its queues' indices: what the driver has set by its control queue, and what it has been told. The
/// first byte is the format's version. Newer plugins add bytes; an older reader ignores them.
/// </summary>
/// <param name="Settings">What is in force, in the kernel too.</param>
internal sealed record State(Settings Settings)
{
    private const byte Version = 1;
    private const int ShortSize = 11, MacOffset = ShortSize, StatusOffset = MacOffset + MacAddress.Size, MtuOffset = StatusOffset + 2, FlagOffset = MtuOffset + 4,
        LimitsOffset = FlagOffset + 1;

    /// <summary>Whether a driver has negotiated, and the settings are its.</summary>
    public bool IsNegotiated { get; init; } = true;

    /// <summary>The address that the driver knows, or null where it is not saved.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>The link's status, VIRTIO_NET_S_ bits.</summary>
    public ushort Status { get; init; } = NetSpec.VIRTIO_NET_S_LINK_UP;

    /// <summary>The MTU that the driver knows, or null for none.</summary>
    public int? Mtu { get; init; }

    /// <summary>For each pair that is limited, how full the limiters are: from the host to the guest, then from the guest.</summary>
    public IReadOnlyList<RateLimiterLevel> Limits { get; init; } = [];

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[LimitsOffset + Limits.Count * RateLimiterLevel.Size];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(1), Settings.Pairs);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(3), Settings.Offloads);
        (Mac ?? default).CopyTo(bytes.AsSpan(MacOffset, MacAddress.Size));
        bytes[FlagOffset] = IsNegotiated ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(StatusOffset), Status);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(MtuOffset), Mtu ?? -1);
        for (int i = 0; i < Limits.Count; i++) Limits[i].Write(bytes.AsSpan(LimitsOffset + i * RateLimiterLevel.Size));
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; null for a new device.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State? From(ReadOnlySpan<byte> saved)
    {
        if (saved.IsEmpty) return null;
        if (saved[0] != Version || saved.Length < ShortSize || (saved.Length > ShortSize && saved.Length < LimitsOffset))
            throw new DeviceException($"the network device's saved state has version {saved[0]} and {saved.Length} bytes; this plugin knows version {Version}");
        var state = new State(new Settings(BinaryPrimitives.ReadUInt16LittleEndian(saved[1..]), BinaryPrimitives.ReadUInt64LittleEndian(saved[3..])));
        if (saved.Length == ShortSize) return state;
        var limits = new RateLimiterLevel[(saved.Length - LimitsOffset) / RateLimiterLevel.Size];
        for (int i = 0; i < limits.Length; i++) limits[i] = RateLimiterLevel.Read(saved[(LimitsOffset + i * RateLimiterLevel.Size)..]);
        int mtu = BinaryPrimitives.ReadInt32LittleEndian(saved[MtuOffset..]);
        return state with
        {
            IsNegotiated = saved[FlagOffset] != 0,
            Mac = MacAddress.From(saved.Slice(MacOffset, MacAddress.Size)) is { Value: not 0 } mac ? mac : null,
            Status = BinaryPrimitives.ReadUInt16LittleEndian(saved[StatusOffset..]),
            Mtu = mtu < 0 ? null : mtu,
            Limits = limits,
        };
    }
}
