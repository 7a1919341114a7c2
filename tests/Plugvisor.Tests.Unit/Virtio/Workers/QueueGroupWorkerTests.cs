using Plugvisor.Linux.Events;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Workers;

public sealed class QueueGroupWorkerTests : IQueueGroupService, IQueueFault, IDisposable
{
    private const int Queues = 2;

    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(30);

    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceHost _host;
    private readonly DriverQueue[] _drivers = new DriverQueue[Queues];
    private readonly EventFd[] _doorbells = new EventFd[Queues];
    private readonly QueueState[] _states = new QueueState[Queues];
    private readonly MockInterrupt _interrupt = new();
    private readonly QueueGroupWorker _worker;
    private readonly HashSet<int> _threads = [];
    private readonly int[] _arms = new int[Queues];
    private readonly int[] _serves = new int[Queues];
    private readonly int[] _drains = new int[Queues];
    private bool _watches = true;
    private Func<int, QueueResources, bool> _serve = (_, _) => false;
    private Func<int, QueueWait> _arm = _ => QueueWait.ForEvent;
    private Action<int> _drain = _ => { };

    public QueueGroupWorkerTests()
    {
        _host = new MockDeviceHost(_ram);
        for (int i = 0; i < Queues; i++)
        {
            _drivers[i] = new DriverQueue(_ram, 16);
            _doorbells[i] = new EventFd();
        }

        _worker = new QueueGroupWorker(_host, "test_qp0", Queues, this);
    }

    void IQueueGroupService.Starting(int index, QueueResources queue) { }

    ServeResult IQueueGroupService.Serve(int index, QueueResources queue)
    {
        lock (_threads) _threads.Add(Environment.CurrentManagedThreadId);
        bool any = _serve(index, queue);
        Interlocked.Increment(ref _serves[index]);
        return any ? ServeResult.More : ServeResult.Idle;
    }

    bool IQueueGroupService.AwaitsDriver(int index) => index == 0;

    QueueWait IQueueGroupService.Arm(int index, QueueResources queue, out bool watch)
    {
        watch = Volatile.Read(ref _watches);
        QueueWait wait = _arm(index);
        Interlocked.Increment(ref _arms[index]);
        return wait;
    }

    void IQueueGroupService.Drain(int index, QueueResources queue)
    {
        Interlocked.Increment(ref _drains[index]);
        _drain(index);
    }

    void IQueueFault.OnFault(string reason) => throw new InvalidOperationException(reason);

    public void Dispose()
    {
        _worker.Dispose();
        foreach (EventFd doorbell in _doorbells) doorbell.Dispose();
        _interrupt.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void One_named_thread_serves_all_queues_over_all_starts_and_ends_with_the_worker()
    {
        Assert.Empty(_host.Threads);
        for (int i = 0; i < 1000; i++)
        {
            Start(0);
            Start(1);
            if (i % 10 == 0) WaitForArm(0);
            Stop(i % 2);
            Stop(1 - i % 2);
        }

        Assert.Equal("test_qp0", Assert.Single(_host.Threads).Name);
        Assert.Single(_threads);
        _worker.Dispose();
        _worker.Dispose();
        Assert.False(_host.Threads.Single().IsAlive);
        Assert.Throws<ObjectDisposedException>(() => Start(0));
    }

    [Fact]
    public void Starting_a_queue_twice_is_a_mistake_of_the_host()
    {
        Start(0);
        Assert.Throws<InvalidOperationException>(() => Start(0));
        Start(1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Each_doorbell_and_each_wake_serves_all_queues_that_run(int rung)
    {
        Start(0);
        Start(1);
        for (int i = 0; i < 100; i++)
        {
            WaitForArm(0, 1);
            _doorbells[rung].Signal();
        }

        WaitForArm(0, 1);
        _worker.Wake();
        WaitForArm(0, 1);
    }

    [Fact]
    public void A_stopped_queue_is_not_served_while_the_other_goes_on()
    {
        Start(0);
        Start(1);
        WaitForArm(0, 1);
        Stop(0);
        int serves = Volatile.Read(ref _serves[0]);
        for (int i = 0; i < 20; i++)
        {
            _doorbells[0].Signal();
            _doorbells[1].Signal();
            WaitForArm(1);
        }

        Assert.Equal(serves, Volatile.Read(ref _serves[0]));
        Start(0);
        WaitForArm(0);
    }

    [Fact]
    public void While_there_is_something_to_do_nobody_sleeps_and_every_queue_gets_its_turn()
    {
        int left = 5000;
        _serve = (index, _) => index == 0 && Interlocked.Decrement(ref left) > 0;
        Start(1);
        WaitForArm(1);
        Start(0);
        WaitForArm(0);
        Assert.True(Volatile.Read(ref left) <= 0);
        Assert.InRange(Volatile.Read(ref _serves[1]), 4900, int.MaxValue);
    }

    [Fact]
    public void What_comes_while_it_arms_is_served_before_it_sleeps()
    {
        int refused = 0;
        _arm = index => index == 1 && Interlocked.Increment(ref refused) < 100 ? QueueWait.None : QueueWait.ForEvent;
        Start(0);
        Start(1);
        Assert.True(DriverHarness.HoldsWithin(() => Volatile.Read(ref refused) >= 100, DriverHarness.Deadline));
        Assert.InRange(Volatile.Read(ref _serves[0]), 90, int.MaxValue);
    }

    [Fact]
    public void The_shortest_wait_counts()
    {
        _arm = index => index == 1 ? QueueWait.AtMost(TimeSpan.FromMilliseconds(1)) : QueueWait.ForEvent;
        Start(0);
        Start(1);
        Assert.True(DriverHarness.HoldsWithin(() => Volatile.Read(ref _arms[0]) > 20, DriverHarness.Deadline));
    }

    [Fact]
    public void A_watched_descriptor_serves_when_the_service_wants_that()
    {
        using var extra = new EventFd();
        _worker.Watch(0, extra.Descriptor, PollEvents.Readable);
        _serve = (_, _) => extra.Drain() > 0;
        Start(0);
        WaitForArm(0);
        for (int i = 0; i < 100; i++)
        {
            extra.Signal();
            WaitForArm(0);
        }

        Volatile.Write(ref _watches, false);
        _worker.Wake();
        WaitForArm(0);
        DriverHarness.HoldsWithin(() => false, s_soon);
        int serves = Volatile.Read(ref _serves[0]);
        extra.Signal();
        Assert.False(DriverHarness.HoldsWithin(() => Volatile.Read(ref _serves[0]) != serves, s_soon));
        _worker.Wake();
        WaitForArm(0);
    }

    [Fact]
    public void Sleeping_costs_nothing_whatever_was_rung_before()
    {
        Start(0);
        Start(1);
        for (int i = 0; i < 10; i++) _doorbells[i % Queues].Signal();
        DriverHarness.HoldsWithin(() => false, s_soon);
        int serves = Volatile.Read(ref _serves[0]);
        Assert.False(DriverHarness.HoldsWithin(() => Volatile.Read(ref _serves[0]) != serves, s_soon));
    }

    [Fact]
    public void A_queue_is_drained_before_its_stop_returns_whether_it_is_served_or_not()
    {
        foreach (bool busy in new[] { false, true })
        {
            ushort head = 0;
            bool taken = false;
            Virtqueue? queue = null;
            _serve = (index, resources) =>
            {
                if (index == 0 && !taken)
                {
                    queue = resources.Queue;
                    Assert.Equal(PopStatus.Popped, queue.TryPop(new IoSegment[queue.MaxSegments], out DescriptorChain chain));
                    head = chain.Head;
                    Volatile.Write(ref taken, true);
                }

                return busy;
            };
            _drain = index =>
            {
                if (index != 0) return;
                queue!.AddUsed(head, 3);
                queue.Publish();
            };
            _drivers[0].Add(DriverBuffer.Writable(_ram.Allocate(8), 8));
            _drivers[0].Kick();
            Start(0);
            Start(1);
            Assert.True(DriverHarness.HoldsWithin(() => Volatile.Read(ref taken), DriverHarness.Deadline));
            QueueState state = Stop(0);
            Assert.Equal(state.NextAvail, state.NextUsed);
            Assert.True(_drivers[0].TryCollect(out UsedChain used));
            Assert.Equal(3u, used.Written);
            Assert.Equal(state, _worker.Stop(0));
            Stop(1);
        }
    }

    [Fact]
    public void Hostile_36_a_service_that_throws_fails_its_device_and_the_stop_still_returns()
    {
        _serve = (index, _) => index == 0 ? throw new InvalidOperationException("a bug") : false;
        Start(0);
        Start(1);
        Assert.True(DriverHarness.HoldsWithin(() => !_host.Failures.IsEmpty, DriverHarness.Deadline));
        Assert.Equal("test_qp0: a bug", _host.Failures.Single());
        Stop(0);
        Assert.Equal(1, _drains[0]);
        WaitForArm(1);

        _serve = (_, _) => false;   // and the thread is still there for the next life
        Start(0);
        WaitForArm(0);
        _arm = _ => throw new InvalidOperationException("another");
        _doorbells[0].Signal();
        Assert.True(DriverHarness.HoldsWithin(() => _host.Failures.Count == 3, DriverHarness.Deadline));
        Stop(0);
        Stop(1);
        Assert.Single(_host.Threads);
    }

    [Fact]
    public void A_drain_that_throws_fails_its_device_and_the_stop_still_returns()
    {
        _drain = _ => throw new InvalidOperationException("a bug");
        Start(0);
        WaitForArm(0);
        Stop(0);
        Assert.Equal("test_qp0: a bug", _host.Failures.Single());
    }

    [Fact]
    public void Stops_race_with_doorbells_without_a_lost_or_a_late_serve()
    {
        int[] serving = new int[Queues], running = new int[Queues];
        int overlaps = 0;
        _serve = (index, _) =>
        {
            if (Interlocked.Increment(ref serving[index]) != 1 || Volatile.Read(ref running[index]) == 0) Interlocked.Increment(ref overlaps);
            Thread.SpinWait(50);
            Interlocked.Decrement(ref serving[index]);
            return false;
        };
        _drain = index =>
        {
            if (Volatile.Read(ref serving[index]) != 0) Interlocked.Increment(ref overlaps);
        };
        bool over = false;
        var guest = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref over); i++) _doorbells[i % Queues].Signal();
        });
        guest.Start();
        for (int i = 0; i < 5000; i++)
        {
            int index = i % 3 == 0 ? 1 : 0;
            Volatile.Write(ref running[index], 1);
            Start(index);
            Thread.SpinWait(i % 200);
            Stop(index);
            Volatile.Write(ref running[index], 0);
        }

        Volatile.Write(ref over, true);
        guest.Join();
        Assert.Equal(0, overlaps);
        Assert.True(_serves[0] > 0 && _serves[1] > 0);
    }

    private void Start(int index) => _worker.Start(index, new QueueResources
    {
        Queue = _drivers[index].CreateDeviceSide(this, _states[index]),
        Doorbell = _doorbells[index],
        Interrupt = _interrupt,
    });

    private QueueState Stop(int index) => _states[index] = _worker.Stop(index);

    /// <summary>Waits until each of these queues was armed once more.</summary>
    private void WaitForArm(params int[] queues)
    {
        foreach (int index in queues)
        {
            Assert.True(DriverHarness.HoldsWithin(() => Volatile.Read(ref _arms[index]) > 0, DriverHarness.Deadline), $"queue {index} was not served");
        }

        foreach (int index in queues) Interlocked.Exchange(ref _arms[index], 0);
    }
}
