using Plugvisor.Linux.Events;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Workers;

public sealed class QueueWorkerTests : IQueueService, IQueueFault, IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(30);

    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceHost _host;
    private readonly DriverQueue _driver;
    private readonly EventFd _doorbell = new();
    private readonly MockInterrupt _interrupt = new();
    private readonly QueueWorker _worker;
    private readonly ManualResetEventSlim _served = new();
    private readonly HashSet<int> _threads = [];
    private Func<QueueResources, QueueWait> _serve = _ => QueueWait.ForEvent;
    private Action _drain = () => { };
    private QueueState _state;
    private int _serves, _drains;

    public QueueWorkerTests()
    {
        _host = new MockDeviceHost(_ram);
        _driver = new DriverQueue(_ram, 16);
        _worker = new QueueWorker(_host, "test_q0", this);
    }

    private int Serves => Volatile.Read(ref _serves);

    void IQueueService.Starting(QueueResources queue) { }

    QueueWait IQueueService.Serve(QueueResources queue)
    {
        lock (_threads) _threads.Add(Environment.CurrentManagedThreadId);
        QueueWait wait = _serve(queue);
        Interlocked.Increment(ref _serves);
        _served.Set();
        return wait;
    }

    void IQueueService.Drain(QueueResources queue)
    {
        Interlocked.Increment(ref _drains);
        _drain();
    }

    void IQueueFault.OnFault(string reason) => throw new InvalidOperationException(reason);

    public void Dispose()
    {
        _worker.Dispose();
        _doorbell.Dispose();
        _interrupt.Dispose();
        _served.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void One_named_thread_serves_over_all_starts_and_ends_with_the_worker()
    {
        Assert.Empty(_host.Threads);
        for (int i = 0; i < 1000; i++)
        {
            Start();
            if (i % 10 == 0) WaitForServe();
            Stop();
        }

        Assert.Equal("test_q0", Assert.Single(_host.Threads).Name);
        Assert.Single(_threads);
        _worker.Dispose();
        _worker.Dispose();
        Assert.False(_host.Threads.Single().IsAlive);
        Assert.Throws<ObjectDisposedException>(Start);
    }

    [Fact]
    public void Starting_twice_is_a_mistake_of_the_host()
    {
        Start();
        Assert.Throws<InvalidOperationException>(Start);
    }

    [Fact]
    public void A_start_serves_what_is_there_and_each_doorbell_serves_again()
    {
        Start();
        WaitForServe();
        for (int i = 0; i < 100; i++)
        {
            _doorbell.Signal();
            WaitForServe();
        }

        _worker.Wake();
        WaitForServe();
        Assert.Equal(0, _drains);
    }

    [Fact]
    public void A_doorbell_of_a_stopped_queue_wakes_nobody_and_the_next_start_serves()
    {
        Start();
        WaitForServe();
        Stop();
        int serves = Serves;
        for (int i = 0; i < 10; i++) _doorbell.Signal();
        _worker.Wake();
        Assert.False(DriverHarness.HoldsWithin(() => Serves != serves, s_soon));
        Start();
        WaitForServe();
    }

    [Fact]
    public void A_new_doorbell_takes_the_place_of_the_old_one()
    {
        Start();
        WaitForServe();
        Stop();
        using var other = new EventFd();
        _worker.Start(Resources(other));
        WaitForServe();
        DriverHarness.HoldsWithin(() => false, s_soon);
        int serves = Serves;
        _doorbell.Signal();
        Assert.False(DriverHarness.HoldsWithin(() => Serves != serves, s_soon));
        other.Signal();
        WaitForServe();
    }

    [Fact]
    public void A_watched_descriptor_serves_but_not_while_the_queue_is_stopped()
    {
        using var extra = new EventFd();
        _worker.Watch(extra.Descriptor, EpollEvents.Readable);   // level-triggered: the service drains it
        _serve = _ =>
        {
            extra.Drain();
            return QueueWait.ForEvent;
        };
        Start();
        WaitForServe();
        extra.Signal();
        WaitForServe();
        Stop();

        extra.Signal();   // stays readable; a worker that looked at it would spin
        int serves = Serves;
        Assert.False(DriverHarness.HoldsWithin(() => Serves != serves, s_soon));
        Start();
        WaitForServe();
        _worker.Unwatch(extra.Descriptor);
        DriverHarness.HoldsWithin(() => false, s_soon);
        serves = Serves;
        extra.Signal();
        Assert.False(DriverHarness.HoldsWithin(() => Serves != serves, s_soon));
    }

    [Fact]
    public void A_service_that_asks_for_it_is_served_again_at_once_or_after_a_time()
    {
        int left = 1000;
        _serve = _ => --left > 0 ? QueueWait.None : QueueWait.AtMost(TimeSpan.FromMilliseconds(1));
        Start();
        Assert.True(DriverHarness.HoldsWithin(() => Serves > 1010, DriverHarness.Deadline));
    }

    [Fact]
    public void Stopping_a_service_that_never_sleeps_ends_it_between_two_serves()
    {
        _serve = _ => QueueWait.None;
        Start();
        WaitForServe();
        Stop();
        int serves = Serves;
        Assert.False(DriverHarness.HoldsWithin(() => Serves != serves, s_soon));
    }

    [Fact]
    public void A_long_batch_sees_that_a_stop_is_asked_for()
    {
        _serve = ServeUntilStopped;
        Start();
        WaitForServe();
        Stop();
        Assert.Equal(1, _drains);
    }

    [Fact]
    public void Chains_in_flight_are_drained_on_the_workers_thread_before_the_stop_returns()
    {
        ushort head = 0;
        Virtqueue? queue = null;
        int drainer = 0;
        _serve = resources =>
        {
            queue = resources.Queue;
            if (queue.TryPop(new IoSegment[queue.MaxSegments], out DescriptorChain chain) == PopStatus.Popped) head = chain.Head;
            return QueueWait.ForEvent;
        };
        _drain = () =>
        {
            drainer = Environment.CurrentManagedThreadId;
            queue!.AddUsed(head, 3);
            queue.Publish();
        };
        _driver.Add(DriverBuffer.Writable(_ram.Allocate(8), 8));
        _driver.Kick();
        Start();
        WaitForServe();
        Assert.Equal(new QueueState(1, 1), Stop());
        Assert.Equal(_threads.Single(), drainer);
        Assert.True(_driver.TryCollect(out UsedChain used));
        Assert.Equal(3u, used.Written);
        Assert.Equal(new QueueState(1, 1), _worker.Stop());
    }

    [Fact]
    public void A_stop_with_a_bound_gives_up_and_the_queue_goes_on_stopping()
    {
        using var release = new ManualResetEventSlim();
        _serve = ServeUntilStopped;
        _drain = release.Wait;
        Start();
        WaitForServe();
        Assert.False(_worker.TryStop(TimeSpan.Zero, out _));
        Assert.False(_worker.TryStop(TimeSpan.FromMilliseconds(10), out _));
        Assert.True(_worker.IsRunning);
        Assert.True(_worker.StopRequested);
        release.Set();
        Assert.True(_worker.TryStop(DriverHarness.Deadline, out QueueState state));
        Assert.Equal(default, state);
        Assert.Equal(1, _drains);
        Assert.True(_worker.TryStop(TimeSpan.Zero, out _));   // idempotent, as Stop is
        _serve = _ => QueueWait.ForEvent;
        Start();
        WaitForServe();
    }

    [Fact]
    public void Hostile_36_a_service_that_throws_fails_its_device_and_the_stop_still_returns()
    {
        _serve = _ => throw new InvalidOperationException("a bug");
        Start();
        Assert.True(DriverHarness.HoldsWithin(() => !_host.Failures.IsEmpty, DriverHarness.Deadline));
        Assert.Equal("test_q0: a bug", _host.Failures.Single());
        Stop();
        Assert.Equal(1, _drains);

        _serve = _ => QueueWait.ForEvent;   // and the thread is still there for the next life
        Start();
        WaitForServe();
        Stop();
        Assert.Single(_host.Threads);
    }

    [Fact]
    public void A_drain_that_throws_fails_its_device_and_the_stop_still_returns()
    {
        _serve = ServeUntilStopped;
        _drain = () => throw new InvalidOperationException("a bug");
        Start();
        WaitForServe();
        Stop();
        Assert.Equal("test_q0: a bug", _host.Failures.Single());
    }

    [Fact]
    public void Stops_race_with_doorbells_without_a_lost_or_a_late_serve()
    {
        int serving = 0, overlaps = 0;
        bool running = false;
        _serve = _ =>
        {
            if (Interlocked.Increment(ref serving) != 1 || !Volatile.Read(ref running)) Interlocked.Increment(ref overlaps);
            Thread.SpinWait(50);
            Interlocked.Decrement(ref serving);
            return QueueWait.ForEvent;
        };
        bool over = false;
        var guest = new Thread(() =>
        {
            while (!Volatile.Read(ref over)) _doorbell.Signal();
        });
        guest.Start();
        for (int i = 0; i < 5000; i++)
        {
            Volatile.Write(ref running, true);
            Start();
            Thread.SpinWait(i % 200);
            Stop();
            Volatile.Write(ref running, false);
        }

        Volatile.Write(ref over, true);
        guest.Join();
        Assert.Equal(0, overlaps);
        Assert.True(Serves > 0);
    }

    private QueueWait ServeUntilStopped(QueueResources queue)
    {
        _served.Set();
        while (!_worker.StopRequested) Thread.SpinWait(10);
        return QueueWait.None;
    }

    private QueueResources Resources(EventFd doorbell) =>
        new() { Queue = _driver.CreateDeviceSide(this, _state), Doorbell = doorbell, Interrupt = _interrupt };

    private void Start() => _worker.Start(Resources(_doorbell));

    private QueueState Stop() => _state = _worker.Stop();

    private void WaitForServe()
    {
        Assert.True(_served.Wait(DriverHarness.Deadline), "the service was not called");
        _served.Reset();
    }
}
