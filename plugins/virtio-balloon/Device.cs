using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>The device: how much the guest is to hand over, how much it has, and the queues by which it does.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IMemoryBalloon, ISnapshottable
{
    private readonly Worker _worker;
    private IVirtioTransport? _transport;
    private uint _wanted, _actual;      // pages of 4 KiB

    /// <summary>Makes the device.</summary>
    /// <exception cref="DeviceException">The host has no way to take memory back.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        IGuestPages pages = host.Service<IGuestPages>()
            ?? throw new DeviceException($"balloon device {request.Id}: this host has no service that gives guest memory back");
        int queues = config.FreePageReporting ? BalloonSpec.ReportingQueue + 1 : BalloonSpec.ReportingQueue;
        var sizes = new ushort[queues];
        Array.Fill(sizes, BalloonSpec.QueueSize);
        if (config.FreePageReporting) sizes[BalloonSpec.ReportingQueue] = BalloonSpec.ReportingQueueSize;
        Traits = new VirtioTraits
        {
            DeviceType = BalloonSpec.VIRTIO_ID_BALLOON,
            Features = (config.DeflateOnOutOfMemory ? VirtioFeatures.Mask(BalloonSpec.VIRTIO_BALLOON_F_DEFLATE_ON_OOM) : 0) |
                (config.FreePageReporting ? VirtioFeatures.Mask(BalloonSpec.VIRTIO_BALLOON_F_PAGE_REPORTING) : 0),
            QueueSizes = sizes,
            ConfigLength = BalloonSpec.ConfigLength,
        };
        _wanted = PagesOf(config.Size);
        _actual = State.From(request).Actual;
        _worker = new Worker(request.Id, queues, pages, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <inheritdoc/>
    public ulong Target
    {
        get => (ulong)Volatile.Read(ref _wanted) << BalloonSpec.PageShift;
        set
        {
            Volatile.Write(ref _wanted, PagesOf(value));
            Volatile.Read(ref _transport)?.SignalConfigChange();
        }
    }

    /// <inheritdoc/>
    public ulong Actual => (ulong)Volatile.Read(ref _actual) << BalloonSpec.PageShift;

    /// <summary>struct virtio_balloon_config (section 5.5.4).</summary>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> space = stackalloc byte[BalloonSpec.ConfigLength];
        BinaryPrimitives.WriteUInt32LittleEndian(space, Volatile.Read(ref _wanted));
        BinaryPrimitives.WriteUInt32LittleEndian(space[BalloonSpec.ConfigActual..], Volatile.Read(ref _actual));
        space.Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <summary>The driver tells how many pages it has handed over (5.5.6.2); nothing else is writable.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        // One vCPU at a time writes it, or it gets what it deserves: any number will do.
        Span<byte> actual = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(actual, Volatile.Read(ref _actual));
        for (int i = 0; i < source.Length; i++)
        {
            int at = offset + i - BalloonSpec.ConfigActual;
            if (at >= 0 && at < actual.Length) actual[at] = source[i];
        }

        Volatile.Write(ref _actual, BinaryPrimitives.ReadUInt32LittleEndian(actual));
    }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) => Volatile.Write(ref _transport, transport);

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _worker.Start(index, resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _worker.Stop(index);

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(index, patience, out state);

    /// <summary>The driver has taken all its pages back; how much it is to hand over stays.</summary>
    public void Reset()
    {
        Volatile.Write(ref _transport, null);
        Volatile.Write(ref _actual, 0);
    }

    /// <summary>How much is wanted is part of the configuration, which <c>vm.resize</c> changes.</summary>
    public ReadOnlyMemory<byte> Save() => new State(Volatile.Read(ref _actual)).ToBytes();

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private static uint PagesOf(ulong bytes) => (uint)Math.Min(bytes >> BalloonSpec.PageShift, uint.MaxValue);
}
