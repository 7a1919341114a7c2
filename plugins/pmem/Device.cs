using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.Pmem;

/// <summary>A virtio persistent memory device (virtio 1.2 section 5.19): its range in guest-physical space, and one queue for flushes.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IHandsOver
{
    private const ushort QueueSize = 256;

    private readonly Backing _backing;
    private readonly IDeviceMemoryRange _range;
    private readonly Worker _worker;
    private readonly byte[] _config = new byte[PmemSpec.ConfigLength];

    /// <summary>Opens, locks and maps the file, and gives it to the guest.</summary>
    /// <exception cref="DeviceException">That cannot be.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        IDeviceMemory memory = host.Service<IDeviceMemory>()
            ?? throw new DeviceException($"pmem device {request.Id}: this host has no place for memory of devices");
        State? before = State.From(request.SavedState.Span);
        if (before is not null && request.Inherited.Count > 0)
        {
            Backing? backing = null;   // the guest may run into a lost page before it is there
            _range = memory.Continue(request.Id, before.Address, () => Volatile.Read(ref backing)?.Mend() == true, out SafeHandle mapping);
            try
            {
                _backing = backing = Backing.Continue(request.Id, config, before, request.Inherited[0], mapping, host.Log);
            }
            catch
            {
                _range.Dispose();
                throw;
            }
        }
        else
        {
            _backing = Backing.Open(request.Id, config, before, host.Log);
            try
            {
                _range = memory.Place(request.Id, _backing.Mapping, Backing.Alignment, before?.Address);
            }
            catch
            {
                _backing.Dispose();
                throw;
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(_config.AsSpan(PmemSpec.ConfigStart), _range.Address);
        BinaryPrimitives.WriteUInt64LittleEndian(_config.AsSpan(PmemSpec.ConfigSize), _range.Length);
        _worker = new Worker(request.Id, _backing, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = PmemSpec.VIRTIO_ID_PMEM,
        Features = 0,
        QueueSizes = [QueueSize],
        ConfigLength = PmemSpec.ConfigLength,
    };

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination) => _config.AsSpan(offset, destination.Length).CopyTo(destination);

    /// <summary>Nothing can be written.</summary>
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
    public ReadOnlyMemory<byte> Save() => new State(_range.Address, _range.Length, _backing.Intact).ToBytes();

    /// <summary>The file, with its lock.</summary>
    public IReadOnlyList<SafeHandle> Handover => [_backing.File];

    /// <summary>The successor has range and mapping as well; closing ours takes nothing from it.</summary>
    public void HandedOver() { }

    /// <inheritdoc/>
    public void Dispose()
    {
        _worker.Dispose();
        _range.Dispose();   // the guest first, then the mapping
        _backing.Dispose();
    }
}
