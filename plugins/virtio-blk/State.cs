using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>
/// What a disk carries from one instance to the next besides its queues' indices. The first byte is the format's version; a newer plugin adds members at the end, and
/// what an older one has not saved has its default.
/// </summary>
/// <param name="Writeback">The cache mode that the driver chose.</param>
internal sealed record State(bool Writeback)
{
    private const byte Version = 1;
    private const int ShortLength = 2, LimitsOffset = 2 + 1 + 8 + (8 * 8), FixedLength = LimitsOffset + RateLimiterLevel.Size + 2;

    /// <summary>The state of a new disk.</summary>
    public static State Initial { get; } = new(true);

    /// <summary>The driver turned the cache off, and what it wrote before has not been put on stable storage yet.</summary>
    public bool FlushPending { get; init; }

    /// <summary>Sectors that the driver knows of, or 0 for those that the image has.</summary>
    public ulong CapacitySectors { get; init; }

    /// <summary>Latencies of reads so far.</summary>
    public LatencyTotals Reads { get; init; } = LatencyTotals.None;

    /// <summary>Latencies of writes so far.</summary>
    public LatencyTotals Writes { get; init; } = LatencyTotals.None;

    /// <summary>How full the disk's own limiter is, or null.</summary>
    public RateLimiterLevel? Limits { get; init; }

    /// <summary>For each queue, whether a flush has failed that its driver has not been told of.</summary>
    public IReadOnlyList<bool> LostWrites { get; init; } = [];

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedLength + LostWrites.Count];
        bytes[0] = Version;
        bytes[1] = Writeback ? (byte)1 : (byte)0;
        bytes[2] = (byte)((FlushPending ? 1 : 0) | (Limits is null ? 0 : 2));
        var writer = new Words(bytes.AsSpan(3));
        writer.Put(CapacitySectors);
        Put(ref writer, Reads);
        Put(ref writer, Writes);
        (Limits ?? default).Write(bytes.AsSpan(LimitsOffset));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(FixedLength - 2), (ushort)LostWrites.Count);
        for (int i = 0; i < LostWrites.Count; i++) bytes[FixedLength + i] = LostWrites[i] ? (byte)1 : (byte)0;
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; nothing gives a new disk's state.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State From(ReadOnlySpan<byte> saved)
    {
        if (saved.IsEmpty) return Initial;
        if (saved[0] != Version) throw new DeviceException($"the disk's saved state has version {saved[0]}; this plugin knows version {Version}");
        if (saved.Length is < ShortLength or (> ShortLength and < FixedLength)) throw Damaged();
        var state = new State(saved[1] != 0);
        if (saved.Length == ShortLength) return state;

        var reader = new Words(saved[3..]);
        ulong capacity = reader.Take();
        LatencyTotals reads = TakeLatency(ref reader), writes = TakeLatency(ref reader);
        int queues = BinaryPrimitives.ReadUInt16LittleEndian(saved[(FixedLength - 2)..]);
        if (saved.Length < FixedLength + queues) throw Damaged();
        bool[] lost = new bool[queues];
        for (int i = 0; i < queues; i++) lost[i] = saved[FixedLength + i] != 0;
        return state with
        {
            FlushPending = (saved[2] & 1) != 0,
            CapacitySectors = capacity,
            Reads = reads,
            Writes = writes,
            Limits = (saved[2] & 2) != 0 ? RateLimiterLevel.Read(saved[LimitsOffset..]) : null,
            LostWrites = lost,
        };
    }

    private static DeviceException Damaged() => new("the disk's saved state is damaged: it is too short");

    private static void Put(ref Words writer, LatencyTotals latency)
    {
        writer.Put(latency.Min);
        writer.Put(latency.Max);
        writer.Put(latency.Sum);
        writer.Put(latency.Count);
    }

    private static LatencyTotals TakeLatency(ref Words reader) => new(reader.Take(), reader.Take(), reader.Take(), reader.Take());

    /// <summary>One 64-bit word after the other.</summary>
    private ref struct Words
    {
        private readonly Span<byte> _write;
        private readonly ReadOnlySpan<byte> _read;
        private int _at;

        public Words(Span<byte> bytes) => _write = bytes;

        public Words(ReadOnlySpan<byte> bytes) => _read = bytes;

        public void Put(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_write[_at..], value);
            _at += sizeof(ulong);
        }

        public ulong Take()
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(_read[_at..]);
            _at += sizeof(ulong);
            return value;
        }
    }
}
