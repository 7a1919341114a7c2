using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>The device: one queue, no config space, no features of its own.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IHandsOver
{
    private const ushort VIRTIO_ID_ENTROPY = 4;   // section 5
    private const ushort QueueSize = 256;

    private readonly ByteSource _source;
    private readonly Worker _worker;

    /// <summary>Opens the source, or goes on with the one that an earlier instance has.</summary>
    /// <exception cref="DeviceException">It cannot be opened, or the saved state not be used.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        string id = request.Id;
        State? saved = State.From(request.SavedState.Span);
        try
        {
            _source = request.Inherited.Count > 0 ? ByteSource.Duplicate(request.Inherited[0]) : new ByteSource(config.Source);
        }
        catch (LinuxException exception)
        {
            throw new DeviceException($"entropy device {id}: cannot read the source; give another with --rng src=", exception);
        }

        _worker = new Worker(id, config.Source, _source, saved, host);
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
    public ReadOnlyMemory<byte> Save() => _worker.State.ToBytes();

    /// <summary>The source, where it has got to.</summary>
    public IReadOnlyList<SafeHandle> Handover => [_source];

    /// <inheritdoc/>
    public void HandedOver() { }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The thread first: it reads from the source.
        _worker.Dispose();
        _source.Dispose();
    }
}
