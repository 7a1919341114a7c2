using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Testing.Conformance;

/// <summary>
/// What every virtio device has to do, whatever it is. Derive a test class for the device and say how to make one and what a
/// request looks like; the tests come by inheritance.
/// <code>
/// public sealed class MyDeviceConformance : VirtioDeviceConformance
/// {
///     protected override IVirtioDevice Create(MockDeviceHost host) => new MyDevice(host);
///     protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) => [DriverBuffer.Writable(ram.Allocate(512), 512)];
/// }
/// </code>
/// </summary>
public abstract partial class VirtioDeviceConformance
{
    private const byte Canary = 0xa5;
    private const int Iterations = 200;

    /// <summary>Makes a device that is independent of all others: the tests have several at once.</summary>
    protected abstract IVirtioDevice Create(MockDeviceHost host);

    /// <summary>
    /// For a device that is <see cref="ISnapshottable"/>: makes another instance with the same configuration, from what an earlier one saved and handed over.
    /// </summary>
    protected virtual IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        throw new NotSupportedException($"the device is {nameof(ISnapshottable)}: override {nameof(CreateSuccessor)}");

    /// <summary>
    /// A request that the device answers by itself. It is used several times over; what it reads must stay valid.
    /// </summary>
    protected abstract DriverBuffer[] BuildRequest(GuestMemoryMock ram);

    /// <summary>The queue that takes such requests.</summary>
    protected virtual int RequestQueue => 0;

    /// <summary>Guest RAM for a test.</summary>
    protected virtual GuestMemoryMock CreateRam() => new();

    /// <summary>Adds services of the host that the device needs.</summary>
    protected virtual void Prepare(MockDeviceHost host) { }

    [Fact]
    public void Traits_are_within_the_limits_of_the_spec()
    {
        using var rig = new Rig(this);
        VirtioTraits traits = rig.Device.Traits;
        Assert.InRange(traits.DeviceType, 1, 0x3f);
        Assert.NotEmpty(traits.QueueSizes);
        Assert.All(traits.QueueSizes, size =>
            Assert.True(size is > 0 and <= SplitVirtqueue.MaxSize && ushort.IsPow2(size), $"queue size {size}"));
        Assert.InRange(traits.ConfigLength, 0, 4096);
    }

    [Fact]
    public void Config_space_takes_every_access_inside_it_at_any_time()
    {
        using var rig = new Rig(this);
        AccessAllOfConfig(rig.Device);
        rig.Harness.Start();
        AccessAllOfConfig(rig.Device);
        rig.Harness.Stop();
        AccessAllOfConfig(rig.Device);
        rig.Harness.Reset();
        AccessAllOfConfig(rig.Device);
        rig.Harness.Start();
        rig.RequestsComplete(3);
    }

    [Fact]
    public void Requests_complete_with_all_ring_features_and_with_none()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        rig.RequestsComplete(100);
        rig.Harness.Reset();
        rig.Harness.Start(without: RingFeatures);
        rig.RequestsComplete(100);
        rig.Healthy();
    }

    [Fact]
    public void Requests_in_indirect_tables_complete_where_the_device_offers_them()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        if (!VirtioFeatures.Has(rig.Queue.Driver.Features, VirtioFeatures.VIRTIO_F_INDIRECT_DESC))
        {
            // Not offered: then using one breaks the queue.
            rig.Queue.Driver.AddIndirect(rig.Request(0));
            rig.Queue.Kick();
            rig.Harness.WaitFor(() => rig.Harness.Transport.IsLatched, "the latch");
            return;
        }

        for (int i = 0; i < 100; i++)
        {
            ushort head = rig.Queue.Driver.AddIndirect(rig.Request(i));
            rig.Queue.Kick();
            Assert.Equal(head, rig.Queue.Collect().Head);
        }

        rig.Healthy();
    }

    private static ulong RingFeatures =>
        VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);

    private static uint Writable(DriverBuffer[] buffers)
    {
        uint sum = 0;
        foreach (DriverBuffer buffer in buffers) sum += buffer.IsWritable ? buffer.Length : 0;
        return sum;
    }

    private static void AccessAllOfConfig(IVirtioDevice device)
    {
        Span<byte> bytes = stackalloc byte[8];
        for (int width = 1; width <= 8; width++)
        {
            for (int offset = 0; offset + width <= device.Traits.ConfigLength; offset++)
            {
                device.ReadConfig(offset, bytes[..width]);
                device.WriteConfig(offset, bytes[..width]);   // what was read: no test of values
            }
        }
    }
}
