using Plugvisor.Abstractions.Memory;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Queues;

/// <summary>Both sides of one ring, without a device between them.</summary>
internal sealed class QueueRig : IQueueFault, IDisposable
{
    public const ulong Indirect = 1ul << VirtioFeatures.VIRTIO_F_INDIRECT_DESC;
    public const ulong EventIdx = 1ul << VirtioFeatures.VIRTIO_F_EVENT_IDX;

    public QueueRig(int size = 16, ulong features = Indirect | EventIdx, GuestMemoryMock? ram = null, QueueState state = default)
    {
        Ram = ram ?? new GuestMemoryMock();
        Driver = new DriverQueue(Ram, size, features);
        Device = Driver.CreateDeviceSide(this, state);
        Segments = new IoSegment[Device.MaxSegments];
    }

    public GuestMemoryMock Ram { get; }

    public GuestMemory Memory => Ram.Memory;

    public DriverQueue Driver { get; }

    public SplitVirtqueue Device { get; }

    public IoSegment[] Segments { get; }

    public List<string> Faults { get; } = [];

    public void OnFault(string reason) => Faults.Add(reason);

    public PopStatus Pop(out DescriptorChain chain) => Device.TryPop(Segments, out chain);

    public DescriptorChain Pop()
    {
        Assert.Equal(PopStatus.Popped, Pop(out DescriptorChain chain));
        return chain;
    }

    /// <summary>The driver's chain is refused, once, with a reason, and nothing more comes from the queue.</summary>
    public void IsBroken(string reason)
    {
        Assert.Equal(PopStatus.Broken, Pop(out _));
        Assert.Contains(reason, Assert.Single(Faults));
        ushort used = Driver.UsedIndex;
        for (int i = 0; i < 3; i++) Assert.Equal(PopStatus.Broken, Pop(out _));
        Assert.False(Device.EnableDoorbell());
        Device.DisableDoorbell();
        Assert.False(Device.Publish());
        Assert.Equal(used, Driver.UsedIndex);
        Assert.Single(Faults);
    }

    public void Dispose() => Ram.Dispose();
}
