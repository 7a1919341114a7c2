using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Plugins.VirtioBlk.Images;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>A virtio block device (virtio 1.2 section 5.2) with a thread for each queue.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IHandsOver
{
    private readonly Disk _disk;
    private readonly Worker[] _workers;
    private readonly Metrics[] _metrics;
    private readonly State _before;
    private readonly bool _ownsLimiter;
    private readonly byte[] _config;
    private ulong _features;

    /// <summary>Opens and locks the image. The disk is ready to be activated then.</summary>
    /// <exception cref="DeviceException">The image cannot be used, or the config asks for what is not there.</exception>
    public Device(DeviceRequest request, IDeviceHost host)
    {
        Config config = Config.From(request.Config);
        if (config.VhostUser || config.VhostSocket is not null)
            throw new DeviceException($"disk {request.Id}: vhost-user back ends are not there yet; give path= of an image");
        if (string.IsNullOrEmpty(config.Path))
            throw new DeviceException($"disk {request.Id}: no image was given; give path=");

        _before = State.From(request.SavedState.Span);
        RateLimiter? limiter = FindLimiter(config, request.Id, host);
        _ownsLimiter = limiter is not null && config.RateLimitGroup is null;
        if (_ownsLimiter && _before.Limits is { } level) limiter!.Restore(level);
        IEngineLayer? layer = host.Service<IEngineLayer>();
        RawImage image = request.Inherited.Count > 0
            ? RawImage.Inherit(config, config.Path, request.Inherited, _before.CapacitySectors, layer)
            : RawImage.Open(config, config.Path, host.Log, layer, _before.CapacitySectors);
        _disk = new Disk(image, config.ReadOnly, MakeSerial(config, image), limiter);
        _disk.Writethrough = !_before.Writeback;

        _metrics = new Metrics[config.QueueCount];
        var sizes = new ushort[config.QueueCount];
        _workers = new Worker[config.QueueCount];
        for (int i = 0; i < _workers.Length; i++)
        {
            _metrics[i] = new Metrics(host.Counters);
            sizes[i] = config.QueueSize;
            _workers[i] = new Worker(_disk, _metrics[i], host, $"{request.Id}_q{i}", config, i);
            if (i < _before.LostWrites.Count && _before.LostWrites[i]) _workers[i].RememberLostWrites();
        }

        if (_before.FlushPending) _workers[0].RequestFlush();
        Metrics.AddGauges(host.Counters, _metrics, _before);
        bool discards = config.Sparse && !config.ReadOnly;
        Traits = new VirtioTraits
        {
            DeviceType = BlkSpec.DeviceType,
            Features = Features(config, discards),
            QueueSizes = sizes,
            ConfigLength = BlkSpec.ConfigLength,
            PciClass = 0x0180,
            Prefer32BitBar = true,
        };
        _config = MakeConfigSpace(config, image, discards);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        _config.AsSpan(offset, destination.Length).CopyTo(destination);
        int writeback = BlkSpec.ConfigWriteback - offset;
        if ((uint)writeback < (uint)destination.Length) destination[writeback] = _disk.Writethrough ? (byte)0 : (byte)1;
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        int writeback = BlkSpec.ConfigWriteback - offset;
        if ((uint)writeback >= (uint)source.Length) return;
        if (!VirtioFeatures.Has(Volatile.Read(ref _features), BlkSpec.VIRTIO_BLK_F_CONFIG_WCE)) return;
        bool writethrough = source[writeback] == 0;
        bool before = _disk.Writethrough;
        _disk.Writethrough = writethrough;
        // From here on the driver sends no flushes, so what it wrote before must not stay in the cache.
        if (writethrough && !before) _workers[0].RequestFlush();
    }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport)
    {
        Volatile.Write(ref _features, features);
        // 5.2.5.2: without CONFIG_WCE the cache is writeback exactly when the driver knows FLUSH.
        if (!VirtioFeatures.Has(features, BlkSpec.VIRTIO_BLK_F_CONFIG_WCE))
            _disk.Writethrough = !VirtioFeatures.Has(features, BlkSpec.VIRTIO_BLK_F_FLUSH);
    }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _workers[index].Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _workers[index].Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _workers[index].TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset()
    {
        Volatile.Write(ref _features, 0);
        _disk.Writethrough = !State.Initial.Writeback;
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save()
    {
        bool[] lost = new bool[_workers.Length];
        for (int i = 0; i < lost.Length; i++) lost[i] = _workers[i].HasLostWrites;
        return new State(!_disk.Writethrough)
        {
            FlushPending = _workers[0].IsFlushPending,
            CapacitySectors = _disk.Image.CapacitySectors,
            Reads = Metrics.ReadsOf(_metrics, _before),
            Writes = Metrics.WritesOf(_metrics, _before),
            Limits = _ownsLimiter ? _disk.Limiter?.Level : null,
            LostWrites = lost,
        }.ToBytes();
    }

    /// <summary>The image, with its lock.</summary>
    public IReadOnlyList<SafeHandle> Handover => _disk.Image.Handover;

    /// <inheritdoc/>
    public void HandedOver() => _disk.Image.KeepLock();

    /// <inheritdoc/>
    public void TookOver() => _disk.Image.OwnLock();

    /// <inheritdoc/>
    public void Dispose()
    {
        // Threads first: their rings refer to the image's files.
        foreach (Worker worker in _workers) worker.Dispose();
        _disk.Dispose();
    }

    private static ulong Features(Config config, bool discards)
    {
        ulong features =
            VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_SEG_MAX) | VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_BLK_SIZE)
            | VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_FLUSH) | VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_TOPOLOGY)
            | VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_CONFIG_WCE) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC)
            | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX);
        if (config.ReadOnly) features |= VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_RO);
        if (config.QueueCount > 1) features |= VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_MQ);
        if (discards)
            features |= VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_DISCARD) | VirtioFeatures.Mask(BlkSpec.VIRTIO_BLK_F_WRITE_ZEROES);
        return features;
    }

    private static byte[] MakeConfigSpace(Config config, RawImage image, bool discards)
    {
        byte[] space = new byte[BlkSpec.ConfigLength];
        uint block = image.BlockSize;
        Put64(space, BlkSpec.ConfigCapacity, image.CapacitySectors);
        // A request needs a descriptor for its header and one for its status; the rest can be data, as far as the kernel takes it at once.
        Put32(space, BlkSpec.ConfigSegMax, (uint)Math.Min(config.QueueSize - 2, RequestPool.MaxVectors));
        Put32(space, BlkSpec.ConfigBlkSize, block);
        space[BlkSpec.ConfigPhysicalBlockExp] = image.PhysicalBlockExponent;
        Put16(space, BlkSpec.ConfigMinIoSize, (ushort)(1 << image.PhysicalBlockExponent));
        Put32(space, BlkSpec.ConfigOptIoSize, 0);
        Put16(space, BlkSpec.ConfigNumQueues, (ushort)config.QueueCount);
        if (!discards) return space;
        Put32(space, BlkSpec.ConfigMaxDiscardSectors, Worker.MaxRangeSectors);
        Put32(space, BlkSpec.ConfigMaxDiscardSeg, RequestPool.MaxRanges);
        Put32(space, BlkSpec.ConfigDiscardSectorAlignment, block >> BlkSpec.SectorShift << image.PhysicalBlockExponent);
        Put32(space, BlkSpec.ConfigMaxWriteZeroesSectors, Worker.MaxRangeSectors);
        Put32(space, BlkSpec.ConfigMaxWriteZeroesSeg, RequestPool.MaxRanges);
        space[BlkSpec.ConfigWriteZeroesMayUnmap] = 1;
        return space;
    }

    private static RateLimiter? FindLimiter(Config config, string id, IDeviceHost host)
    {
        if (config.RateLimitGroup is { } group)
        {
            return host.Service<IRateLimitGroups>()?.Find(group)
                ?? throw new DeviceException($"disk {id}: there is no rate limit group '{group}'; define it with --rate-limit-group id={group}");
        }

        if (config.RateLimiter is not { } limits) return null;
        return new RateLimiter(Bucket(limits.Bandwidth), Bucket(limits.Ops), host.Clock);
    }

    private static TokenBucket? Bucket(TokenBucketConfig? bucket) =>
        bucket is null ? null : TokenBucket.Create(bucket.Size, bucket.OneTimeBurst ?? 0, bucket.RefillTime);

    /// <summary>What was given, or the file's identity, cut and padded with zeros to 20 bytes.</summary>
    private static byte[] MakeSerial(Config config, RawImage image)
    {
        string text = config.Serial ?? string.Create(
            CultureInfo.InvariantCulture, $"{image.Status.Device}{image.Status.SpecialDevice}{image.Status.Inode}");
        byte[] all = Encoding.UTF8.GetBytes(text);
        byte[] serial = new byte[BlkSpec.SerialSize];
        all.AsSpan(0, Math.Min(all.Length, serial.Length)).CopyTo(serial);
        return serial;
    }

    private static void Put16(byte[] to, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(to.AsSpan(offset), value);

    private static void Put32(byte[] to, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(to.AsSpan(offset), value);

    private static void Put64(byte[] to, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(to.AsSpan(offset), value);
}
