using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Sample.BadDisk;

/// <summary>Looks like virtio-blk's disk, up to where it is to fail.</summary>
internal sealed class Device : IVirtioDevice
{
    private readonly string _how;
    private readonly IDeviceHost _host;

    public Device(string how, IDeviceHost host)
    {
        _how = how;
        _host = host;
        ulong features = how == "features" ? 0 : 1ul << 2 | 1ul << 5 | 1ul << 6 | 1ul << 9 | 1ul << 10 | 1ul << 11 | 1ul << 13 | 1ul << 14;
        Traits = new VirtioTraits
        {
            DeviceType = 2,
            Features = features | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX),
            QueueSizes = how == "queues" ? [64, 64] : [128],
            ConfigLength = 60,
            PciClass = 0x0180,
            Prefer32BitBar = true,
        };
    }

    public VirtioTraits Traits { get; }

    public void ReadConfig(int offset, Span<byte> destination) { }

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    public void Activate(ulong features, IVirtioTransport transport) => ThrowIf("Activate");

    public void StartQueue(int index, QueueResources resources) => ThrowIf("StartQueue");

    public QueueState StopQueue(int index) => default;

    public void Reset() { }

    public void Dispose() => _host.Log.Info("the bad disk is gone");

    private void ThrowIf(string callback)
    {
        if (_how == callback) throw new InvalidOperationException($"fault in {callback}");
    }
}
