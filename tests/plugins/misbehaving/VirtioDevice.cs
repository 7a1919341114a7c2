using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Sample.Misbehaving;

/// <summary>A virtio device of no type, with one queue that it never serves.</summary>
internal sealed class VirtioDevice : IVirtioDevice, ICompletesConfig
{
    private readonly Fault _fault;
    private readonly IDeviceHost _host;
    private QueueResources? _queue;

    public VirtioDevice(Fault fault, IDeviceHost host)
    {
        _fault = fault;
        _host = host;
        host.Counters.Add("plain");
        host.Counters.AddGauge("computed", () =>
        {
            fault.At("Gauge");
            return 1;
        });
    }

    public VirtioTraits Traits
    {
        get
        {
            _fault.At("Traits");
            return new VirtioTraits { DeviceType = 63, Features = 0, QueueSizes = [16], ConfigLength = 8 };
        }
    }

    public IReadOnlyList<KeyValuePair<string, string>> CompletedConfig
    {
        get
        {
            _fault.At("CompletedConfig");
            return [];
        }
    }

    public void ReadConfig(int offset, Span<byte> destination) => _fault.At("ReadConfig", _host);

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) => _fault.At("WriteConfig", _host);

    public void Activate(ulong features, IVirtioTransport transport) => _fault.At("Activate", _host);

    public void StartQueue(int index, QueueResources resources)
    {
        _queue = resources;
        _fault.At("StartQueue", _host);
    }

    public QueueState StopQueue(int index)
    {
        _fault.At("StopQueue", _host);
        return _queue?.Queue.State ?? default;
    }

    public void Reset() => _fault.At("Reset", _host);

    public void Dispose() => _fault.At("Dispose", _host);
}
