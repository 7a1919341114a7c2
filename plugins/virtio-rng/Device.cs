using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>The device: one queue, no config space, no features of its own.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime
{
    private const ushort VIRTIO_ID_ENTROPY = 4;   // section 5
    private const ushort QueueSize = 256;

    private readonly ByteSource _source;
    private readonly Worker _worker;

    /// <summary>Opens the source.</summary>
    /// <exception cref="DeviceException">It cannot be opened.</exception>
    public Device(string id, Config config, IDeviceHost host)
    {
        try
        {
            _source = new ByteSource(config.Source);
        }
        catch (LinuxException exception)
        {
            throw new DeviceException($"entropy device {id}: cannot read the source; give another with --rng src=", exception);
        }

        _worker = new Worker(id, config.Source, _source, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = VIRTIO_ID_ENTROPY,
        Features = 0,
        QueueSizes = [QueueSize],
        ConfigLength = 0,
    };

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination) { }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) { }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _worker.Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _worker.Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset() { }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The thread first: it reads from the source.
        _worker.Dispose();
        _source.Dispose();
    }
}
