using Plugvisor.Testing.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Testing.Conformance;

// Of stopping, pausing, resetting and the end of a device.
public abstract partial class VirtioDeviceConformance
{
    [Fact]
    public void Stopping_and_starting_goes_on_where_it_stood()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        for (int round = 0; round < 5; round++)
        {
            rig.RequestsComplete(7);
            ushort expected = (ushort)(14 * round + 7);
            Assert.Equal(new QueueState(expected, expected), rig.Queue.Stop());

            // What comes while it is stopped is served after the start, without another doorbell.
            for (int i = 0; i < 3; i++) rig.AddRequest(i);
            rig.Queue.Driver.Kick();
            rig.Queue.Start();
            rig.Collect(3);
            rig.RequestsComplete(4);
        }

        rig.Healthy();
    }

    [Fact]
    public void Stopping_is_idempotent_and_right_at_every_moment()
    {
        using var rig = new Rig(this);
        rig.Harness.Activate();
        Assert.Equal(default, rig.Device.StopQueue(RequestQueue));   // before it ever ran
        rig.Harness.Resume();
        rig.RequestsComplete(5);
        QueueState state = rig.Queue.Stop();
        for (int i = 0; i < 3; i++) Assert.Equal(state, rig.Device.StopQueue(RequestQueue));
        rig.Healthy();
    }

    [Fact]
    public void Pausing_under_load_leaves_nothing_in_flight_and_loses_nothing()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        int done = 0, added = 0;
        for (int round = 0; round < Iterations; round++)
        {
            while (rig.HasRoom)
            {
                rig.AddRequest(added++);
                rig.Queue.Kick();
            }

            rig.Harness.Stop();
            Assert.Equal(0, rig.Queue.InFlight);
            Assert.Equal(rig.Queue.State.NextAvail, rig.Queue.State.NextUsed);   // all that was taken was given back
            Assert.Equal(rig.Queue.State.NextUsed, rig.Queue.Driver.UsedIndex);  // and published
            while (rig.Queue.Driver.TryCollect(out _)) done++;
            rig.Harness.Resume();
        }

        rig.Collect(added - done);
        rig.RequestsComplete(5);
        rig.Healthy();
    }

    [Fact]
    public void A_stop_with_a_bound_comes_to_the_same_under_load()
    {
        using var rig = new Rig(this);
        if (rig.Device is not IStopsInTime device) return;   // an optional power
        rig.Harness.Start();
        int done = 0, added = 0, givenUp = 0;
        for (int round = 0; round < Iterations; round++)
        {
            while (rig.HasRoom)
            {
                rig.AddRequest(added++);
                rig.Queue.Kick();
            }

            QueueState state;
            while (!device.TryStopQueue(RequestQueue, TimeSpan.FromMicroseconds(round % 50), out state)) givenUp++;
            Assert.Equal(state, rig.Queue.Stop());
            Assert.Equal(0, rig.Queue.InFlight);
            Assert.Equal(state.NextAvail, state.NextUsed);
            Assert.Equal(state.NextUsed, rig.Queue.Driver.UsedIndex);
            while (rig.Queue.Driver.TryCollect(out _)) done++;
            rig.Queue.Start();
        }

        rig.Collect(added - done);
        rig.RequestsComplete(5);
        rig.Healthy();
    }

    [Fact]
    public void After_a_stop_neither_ring_nor_buffers_are_touched()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        for (int round = 0; round < 5; round++)
        {
            while (rig.HasRoom) rig.AddRequest(0);
            rig.Queue.Kick();
            rig.Harness.Stop();
            while (rig.Queue.Driver.TryCollect(out _)) { }

            ushort used = rig.Queue.Driver.UsedIndex;
            rig.PaintWritable(Canary);
            if (rig.HasRoom) rig.AddRequest(0);
            rig.Queue.Kick();
            rig.Queue.Doorbell.Signal();
            Assert.False(DriverHarness.HoldsWithin(() => !rig.WritableAre(Canary) || rig.Queue.Driver.UsedIndex != used,
                TimeSpan.FromMilliseconds(30)), "the device wrote to guest memory while its queues were stopped");
            rig.Harness.Resume();
            rig.Collect(rig.Queue.Driver.InFlight);
        }

        rig.Healthy();
    }

    [Fact]
    public void Starting_and_stopping_ten_thousand_times_grows_nothing()
    {
        using var rig = new Rig(this);
        rig.Harness.Start();
        rig.RequestsComplete(1);
        int threads = rig.Host.Threads.Count, descriptors = ProcessResources.OpenDescriptors;
        for (int i = 0; i < 10_000; i++)
        {
            rig.Harness.Stop();
            rig.Harness.Resume();
            if (i % 100 == 0) rig.RequestsComplete(1);
        }

        rig.RequestsComplete(1);
        Assert.Equal(threads, rig.Host.Threads.Count);
        // Other tests run beside this one, so only growth with the number of rounds is a leak, and only what stays.
        Assert.True(ProcessResources.DescriptorsFallTo(descriptors + 1000), "descriptors are left open");
        rig.Healthy();
    }

    [Fact]
    public void Resetting_with_requests_in_flight_works_every_time()
    {
        using var rig = new Rig(this);
        for (int i = 0; i < Iterations; i++)
        {
            rig.Harness.Start();
            while (rig.HasRoom) rig.AddRequest(i);
            rig.Queue.Kick();
            rig.Harness.Reset();
        }

        rig.Harness.Start();
        rig.RequestsComplete(5);
        rig.Healthy();
    }

    [Fact]
    public void Disposing_ends_every_thread_and_closes_every_file()
    {
        int before = ProcessResources.OpenDescriptors;
        for (int i = 0; i < Iterations; i++)
        {
            var rig = new Rig(this);
            rig.Harness.Start();
            rig.AddRequest(i);
            rig.Queue.Kick();
            if (i % 2 == 0) rig.Collect(1);
            rig.Dispose();
            Assert.All(rig.Host.Threads, thread => Assert.False(thread.IsAlive, $"thread {thread.Name} outlived its device"));
            Assert.Empty(rig.Host.Failures);
        }

        Assert.True(ProcessResources.DescriptorsFallTo(before + Iterations - 1), "descriptors are left open");
    }

    [Fact]
    public void A_device_that_never_ran_can_be_disposed()
    {
        using var ram = CreateRam();
        var host = new MockDeviceHost(ram);
        Prepare(host);
        Create(host).Dispose();
        Assert.All(host.Threads, thread => Assert.False(thread.IsAlive));
    }
}
