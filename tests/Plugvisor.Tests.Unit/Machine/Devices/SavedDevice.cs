using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>A device that another instance can go on for. Its state is its config space.</summary>
internal sealed class SavedDevice : IVirtioDevice, IHandsOver
{
    private readonly EventFd _held = new();

    public SavedDevice(DeviceRequest? request = null, FakeVirtioDevice? inner = null)
    {
        Inner = inner ?? new FakeVirtioDevice();
        if (request is null) return;
        request.SavedState.Span.CopyTo(Inner.Config);
        InheritedCount = request.Inherited.Count;
        Inherited = request.Inherited.Count > 0 ? request.Inherited[0] : null;
    }

    public FakeVirtioDevice Inner { get; }

    public int InheritedCount { get; }

    public SafeHandle? Inherited { get; }

    /// <summary>Called in Save.</summary>
    public Func<byte[]>? OnSave { get; set; }

    public bool IsHandedOver { get; private set; }

    public VirtioTraits Traits => Inner.Traits;

    public IReadOnlyList<SafeHandle> Handover => [_held];

    public ReadOnlyMemory<byte> Save() => OnSave is { } save ? save() : Inner.Config.ToArray();

    public void HandedOver() => IsHandedOver = true;

    public bool HasTakenOver { get; private set; }

    public void TookOver() => HasTakenOver = true;

    public void ReadConfig(int offset, Span<byte> destination) => Inner.ReadConfig(offset, destination);

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) => Inner.WriteConfig(offset, source);

    public void Activate(ulong features, IVirtioTransport transport) => Inner.Activate(features, transport);

    public void StartQueue(int index, QueueResources resources) => Inner.StartQueue(index, resources);

    public QueueState StopQueue(int index) => Inner.StopQueue(index);

    public void Reset() => Inner.Reset();

    public void Dispose()
    {
        Inner.Dispose();
        _held.Dispose();
    }
}
