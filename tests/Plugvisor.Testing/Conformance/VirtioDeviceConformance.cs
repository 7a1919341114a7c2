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
public abstract class VirtioDeviceConformance
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
        // Other tests run beside this one, so only growth with the number of rounds is a leak.
        Assert.InRange(ProcessResources.OpenDescriptors - descriptors, int.MinValue, 1000);
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

        Assert.InRange(ProcessResources.OpenDescriptors - before, int.MinValue, Iterations - 1);
    }

    [Fact]
    public void A_successor_goes_on_where_the_device_stood()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable) return;   // an optional power
        rig.Harness.Start();
        int done = 0, added = 0;
        for (int round = 0; round < 10; round++)
        {
            while (rig.HasRoom)
            {
                rig.AddRequest(added++);
                rig.Queue.Kick();
            }

            MockDeviceHost former = rig.Harness.Host;
            rig.Replace(this);
            Assert.All(former.Threads, thread => Assert.False(thread.IsAlive, $"thread {thread.Name} outlived its device"));
            Assert.Empty(former.Failures);
            while (rig.Queue.Driver.TryCollect(out _)) done++;
        }

        rig.Collect(added - done);
        rig.RequestsComplete(5);
        rig.Healthy();
        rig.Harness.Reset();
        rig.Harness.Start();
        rig.RequestsComplete(5);
        rig.Healthy();
    }

    [Fact]
    public void A_device_that_was_saved_goes_on_when_nobody_takes_over()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        rig.Harness.Start();
        rig.RequestsComplete(3);
        rig.Harness.Stop();
        byte[] state = device.Save().ToArray();
        Assert.NotEmpty(state);
        Assert.Equal(state.Length, device.Save().Length);
        rig.Harness.Resume();
        rig.RequestsComplete(3);
        rig.Healthy();

        // It was saved before any driver came, too.
        rig.Harness.Reset();
        rig.Replace(this);
        rig.Harness.Start();
        rig.RequestsComplete(3);
        rig.Healthy();
    }

    [Fact]
    public void A_state_of_an_unknown_version_is_refused_in_words()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        byte[] state = device.Save().ToArray();
        state[0] = 0xff;
        var host = new MockDeviceHost(rig.Ram);
        Prepare(host);
        DeviceException e = Assert.Throws<DeviceException>(() => CreateSuccessor(host, state, (device as IHandsOver)?.Handover ?? []));
        Assert.Contains("255", e.Message, StringComparison.Ordinal);
        rig.Harness.Start();
        rig.RequestsComplete(3);
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

    /// <summary>A device in its harness, and requests for it.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly int _requestQueue;
        private readonly DriverBuffer[][] _requests = new DriverBuffer[16][];

        public Rig(VirtioDeviceConformance suite)
        {
            _requestQueue = suite.RequestQueue;
            Ram = suite.CreateRam();
            Host = new MockDeviceHost(Ram);
            suite.Prepare(Host);
            Harness = new DriverHarness(suite.Create(Host), Host);
            for (int i = 0; i < _requests.Length; i++) _requests[i] = suite.BuildRequest(Ram);
        }

        public GuestMemoryMock Ram { get; }

        public MockDeviceHost Host { get; }

        public DriverHarness Harness { get; }

        public IVirtioDevice Device => Harness.Device;

        public MockQueue Queue => Harness.Queues[_requestQueue];

        public bool HasRoom => Queue.Driver.FreeDescriptors >= _requests[0].Length;

        public DriverBuffer[] Request(int number) => _requests[number % _requests.Length];

        public void AddRequest(int number) => Queue.Driver.Add(Request(number));

        public void RequestsComplete(int count)
        {
            for (int i = 0; i < count; i++) Assert.InRange(Queue.Call(Request(i)), 0u, Writable(Request(i)));
        }

        public void Collect(int count)
        {
            for (int i = 0; i < count; i++) Queue.Collect();
        }

        public void PaintWritable(byte value)
        {
            foreach (DriverBuffer[] request in _requests)
            {
                foreach (DriverBuffer buffer in request)
                {
                    if (buffer.IsWritable) Ram.Bytes(buffer.Address, (int)buffer.Length).Fill(value);
                }
            }
        }

        public bool WritableAre(byte value)
        {
            foreach (DriverBuffer[] request in _requests)
            {
                foreach (DriverBuffer buffer in request)
                {
                    if (buffer.IsWritable && Ram.Bytes(buffer.Address, (int)buffer.Length).ContainsAnyExcept(value)) return false;
                }
            }

            return true;
        }

        public void Replace(VirtioDeviceConformance suite)
        {
            var host = new MockDeviceHost(Ram);
            suite.Prepare(host);
            Harness.Replace((state, inherited) => suite.CreateSuccessor(host, state, inherited), host);
        }

        public void Healthy()
        {
            Assert.Empty(Harness.Host.Failures);
            Assert.Empty(Harness.Transport.ResetReasons);
        }

        public void Dispose()
        {
            Harness.Dispose();
            Ram.Dispose();
        }
    }
}
