using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Testing.Conformance;

// Of rings and chains that no good driver makes.
public abstract partial class VirtioDeviceConformance
{
    [Theory]
    [InlineData(MalformedRing.SelfLoop)]
    [InlineData(MalformedRing.ChainTooLong)]
    [InlineData(MalformedRing.NextOutOfRange)]
    [InlineData(MalformedRing.HeadOutOfRange)]
    [InlineData(MalformedRing.AddressWraps)]
    [InlineData(MalformedRing.BufferOutsideRam)]
    [InlineData(MalformedRing.BufferSpansEndOfRam)]
    [InlineData(MalformedRing.LengthsOverflow)]
    [InlineData(MalformedRing.ReadableAfterWritable)]
    [InlineData(MalformedRing.IndexJumpsAhead)]
    [InlineData(MalformedRing.IndexGoesBack)]
    [InlineData(MalformedRing.Indirect)]
    [InlineData(MalformedRing.IndirectEmpty)]
    [InlineData(MalformedRing.IndirectOddLength)]
    [InlineData(MalformedRing.IndirectOutsideRam)]
    [InlineData(MalformedRing.IndirectWithNext)]
    public void A_malformed_ring_latches_this_device_only_and_a_reset_heals_it(MalformedRing how)
    {
        using var rig = new Rig(this);
        using var neighbour = new Rig(this);
        neighbour.Harness.Start();
        rig.Harness.Start();
        rig.RequestsComplete(2);
        ushort used = rig.Queue.Driver.UsedIndex;

        HostileDriver.Break(rig.Queue.Driver, rig.Ram, how);
        for (int i = 0; i < 100; i++) rig.Queue.Doorbell.Signal();
        rig.Harness.WaitFor(() => rig.Harness.Transport.IsLatched, "the latch");
        rig.Queue.Doorbell.Signal();
        rig.Harness.Stop();
        Assert.Single(rig.Harness.Transport.ResetReasons);
        Assert.NotNull(rig.Queue.Fault);
        Assert.Equal(used, rig.Queue.Driver.UsedIndex);
        neighbour.RequestsComplete(10);

        rig.Harness.Reset();
        rig.Harness.Start();
        rig.RequestsComplete(10);
        rig.Healthy();
        neighbour.Healthy();
    }

    [Fact]
    public void Chains_of_odd_shape_are_given_back_or_latch_the_device()
    {
        using var rig = new Rig(this);
        ulong buffer = rig.Ram.Allocate(4096);
        DriverBuffer[][] shapes =
        [
            [DriverBuffer.Readable(buffer, 0)],
            [DriverBuffer.Writable(buffer, 0)],
            [DriverBuffer.Readable(buffer, 1)],
            [DriverBuffer.Writable(buffer, 1)],
            [DriverBuffer.Readable(buffer, 4096)],
            [DriverBuffer.Readable(buffer, 0), DriverBuffer.Writable(buffer, 0)],
            [
                DriverBuffer.Readable(buffer, 1), DriverBuffer.Readable(buffer, 0), DriverBuffer.Readable(buffer, 1),
                DriverBuffer.Writable(buffer, 1),
            ],
            [DriverBuffer.Readable(ulong.MaxValue, 0), DriverBuffer.Writable(buffer, 1), DriverBuffer.Writable(buffer, 0)],
        ];
        foreach (DriverBuffer[] shape in shapes)
        {
            for (int queue = 0; queue < rig.Device.Traits.QueueSizes.Count; queue++)
            {
                rig.Harness.Start();
                MockQueue target = rig.Harness.Queues[queue];
                target.Driver.Add(shape);
                target.Kick();
                if (queue == RequestQueue)
                {
                    rig.Harness.WaitFor(() => rig.Harness.Transport.IsLatched || target.Driver.UsedIndex != 0,
                        "the chain or the latch");
                    if (target.Driver.TryCollect(out UsedChain used)) Assert.InRange(used.Written, 0u, Writable(shape));
                }

                rig.Harness.Reset();
            }
        }

        rig.Harness.Start();
        rig.RequestsComplete(5);
        Assert.Empty(rig.Host.Failures);
    }

    [Fact]
    public void Kicks_without_chains_and_kicks_of_stopped_queues_do_nothing()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        for (int i = 0; i < 1000; i++) rig.Queue.Doorbell.Signal();
        rig.RequestsComplete(5);
        rig.Harness.Stop();
        for (int i = 0; i < 1000; i++) rig.Queue.Doorbell.Signal();
        rig.Harness.Resume();
        rig.RequestsComplete(5);
        rig.Healthy();
    }
}
