using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Threads;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Workers;

/// <summary>
/// The thread that serves one queue. It is started with the first <see cref="Start"/>, sleeps in epoll while there is nothing
/// to do, is parked while the queue is stopped, and is used again by the next Start. A queue that sleeps with nothing in
/// flight is stopped without waking the thread, so pausing an idle VM costs next to nothing.
/// <para>
/// <see cref="Start"/>, <see cref="Stop"/> and <see cref="Dispose"/> come from one thread at a time (the transport's rule);
/// <see cref="Wake"/> and the watches may be used from any thread.
/// </para>
/// </summary>
public sealed class QueueWorker : IDisposable
{
    // Who may touch the queue. Ready is nobody: the worker claims it for serving, the stopper for stopping, each with one
    // compare-and-swap, which is also the acquire and release that hands the queue's fields from one thread to the other.
    private const int Stopped = 0;
    private const int Ready = 1;
    private const int Serving = 2;       // the worker
    private const int Claimed = 3;       // the thread in Stop
    private const int Stopping = 4;      // the worker: it has to drain and answer

    /// <summary>How long to look for a drain by a thread that is running: about what going to sleep and being woken costs.</summary>
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(10);

    private readonly IDeviceHost _host;
    private readonly string _name;
    private readonly IQueueService _service;
    private readonly Epoll _epoll = new();
    private readonly EventFd _control = new();
    private readonly WaitFlag _parked = new();    // set: leave the parking place
    private readonly WaitFlag _drained = new();
    private QueueResources? _queue;
    private EventFd? _watchedDoorbell;
    private Thread? _thread;
    private QueueState _lastState;
    private int _state = Stopped;
    private volatile bool _exit;

    /// <summary>Makes a worker without a thread yet.</summary>
    /// <param name="host">Gives the thread, and is told when the service throws.</param>
    /// <param name="name">The thread's name, by custom <c>ID_q0</c>.</param>
    /// <param name="service">What to do with the queue.</param>
    public QueueWorker(IDeviceHost host, string name, IQueueService service)
    {
        _host = host;
        _name = name;
        _service = service;
        // Edge-triggered: each write to an eventfd wakes us once, and nobody has to pay a read to take the counter down.
        _epoll.Set(_control.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, 0);
    }

    /// <summary>True once a stop was asked for. A service with a long batch looks at it between chains.</summary>
    public bool StopRequested => Volatile.Read(ref _state) == Stopping;

    /// <summary>Whether the queue is started.</summary>
    public bool IsRunning => Volatile.Read(ref _state) != Stopped;

    /// <summary>Serves a queue from now on, first of all what is in it already. Returns without waiting for the thread.</summary>
    /// <exception cref="InvalidOperationException">It runs already: a mistake of the host.</exception>
    public void Start(QueueResources queue)
    {
        ObjectDisposedException.ThrowIf(_exit, this);
        if (IsRunning) throw new InvalidOperationException($"queue worker {_name} runs already");

        if (!ReferenceEquals(_watchedDoorbell, queue.Doorbell))
        {
            // A doorbell of before the last reset; if it was closed, it is out of the set already.
            if (_watchedDoorbell is { IsClosed: false }) _epoll.Remove(_watchedDoorbell.Descriptor);
            _epoll.Set(queue.Doorbell.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, 0);
            _watchedDoorbell = queue.Doorbell;
        }

        _queue = queue;
        _service.Starting(queue);
        // Release: all of the above must be visible to the worker before it can claim the queue.
        Volatile.Write(ref _state, Ready);
        if (_thread is null)
        {
            _thread = _host.StartThread(_name, Run);
            return;
        }

        // The thread is parked, or still asleep in epoll after a stop that did not wake it.
        _parked.Set();
        _control.Signal();
    }

    /// <summary>
    /// Stops serving; when it returns, nothing touches the ring or its buffers any more. Waits for what is in flight. Idempotent.
    /// </summary>
    /// <returns>Where the queue stands.</returns>
    public QueueState Stop()
    {
        TryStop(Timeout.InfiniteTimeSpan, out QueueState state);
        return state;
    }

    /// <summary>
    /// As <see cref="Stop"/>, but waits no longer than this. Then the queue goes on stopping by itself; call one of the two again. What a device
    /// needs for <see cref="Plugvisor.Virtio.Devices.IStopsInTime"/>.
    /// </summary>
    /// <param name="patience">Bound for the wait, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="state">Where the queue stands, when the answer is true.</param>
    /// <returns>Whether the queue has stopped.</returns>
    public bool TryStop(TimeSpan patience, out QueueState state)
    {
        TimeSpan spin = TimeSpan.Zero;
        while (true)
        {
            switch (Volatile.Read(ref _state))
            {
                case Stopped:
                    state = _lastState;
                    return true;

                case Ready when Interlocked.CompareExchange(ref _state, Claimed, Ready) == Ready:
                    if (_queue!.Queue.InFlight == 0)
                    {
                        _lastState = _queue.Queue.State;
                        Volatile.Write(ref _state, Stopped);
                        continue;
                    }

                    // Only the worker's thread may drain: what is in flight can belong to it (an io_uring, for one).
                    _drained.Reset();
                    Volatile.Write(ref _state, Stopping);
                    _control.Signal();
                    break;

                case Serving:
                    if (Thread.CurrentThread == _thread)
                        throw new InvalidOperationException($"queue worker {_name} cannot stop itself");
                    _drained.Reset();
                    if (Interlocked.CompareExchange(ref _state, Stopping, Serving) != Serving) continue;
                    spin = s_spin;
                    break;

                case Stopping:
                    break;

                default:
                    continue;
            }

            if (_drained.TryWait(patience, spin)) continue;
            state = default;
            return false;
        }
    }

    /// <summary>Makes the worker serve once, if the queue runs. Any thread.</summary>
    public void Wake() => _control.Signal();

    /// <summary>
    /// Also serve when a descriptor is ready. The service has to read or write until it is not, to be edge-triggered, or to
    /// unwatch it: else the worker would spin. It stays watched over stop and start, but does not wake a parked worker.
    /// </summary>
    public void Watch(int descriptor, EpollEvents events) => _epoll.Set(descriptor, events, 0);

    /// <summary>Ends <see cref="Watch"/>. Do it before the descriptor is closed.</summary>
    public void Unwatch(int descriptor) => _epoll.Remove(descriptor);

    /// <summary>Stops the queue and ends the thread.</summary>
    public void Dispose()
    {
        if (_exit) return;
        Stop();
        _exit = true;
        _parked.Set();
        _control.Signal();
        _thread?.Join();
        // Only now: the thread used all of these until its end.
        _epoll.Dispose();
        _control.Dispose();
    }

    private void Run()
    {
        int wait = 0;
        while (!_exit)
        {
            if (Volatile.Read(ref _state) == Stopped) Park();
            else Sleep(wait);
            wait = ServeUntilIdle();
        }
    }

    /// <summary>Waits for a start. Not in epoll, since a watched descriptor that is ready would make that spin.</summary>
    private void Park()
    {
        // Reset before the state is read again: a start in between sets the event after it has changed the state.
        _parked.Reset();
        if (Volatile.Read(ref _state) == Stopped && !_exit) _parked.Wait();
    }

    private void Sleep(int milliseconds)
    {
        // What is ready does not matter: the service looks at all of its sources.
        Span<EpollEvent> ready = stackalloc EpollEvent[8];
        _ = _epoll.Wait(ready, milliseconds);
    }

    /// <returns>How long to sleep, in milliseconds as epoll takes them.</returns>
    private int ServeUntilIdle()
    {
        try
        {
            while (Interlocked.CompareExchange(ref _state, Serving, Ready) == Ready)
            {
                int wait = _service.Serve(_queue!).Milliseconds;
                if (Interlocked.CompareExchange(ref _state, Ready, Serving) != Serving) break;   // Stopping
                if (wait != 0) return wait;
            }

            if (Volatile.Read(ref _state) == Stopping) DrainAndAnswer();
        }
#pragma warning disable CA1031 // A device's bug must end that device and nothing else; whoever waits in Stop has to be answered.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GiveUp(exception);
        }

        return -1;
    }

    private void DrainAndAnswer()
    {
        _service.Drain(_queue!);
        Answer();
    }

    /// <summary>The service threw. Its requests must not outlive the queue, so it gets one chance to drain them.</summary>
    private void GiveUp(Exception exception)
    {
        _host.Fail($"{_name}: {exception.Message}");
        if (_host.Log.IsDebugEnabled) _host.Log.Debug(exception.ToString());
        try
        {
            _service.Drain(_queue!);
        }
#pragma warning disable CA1031 // It has failed already, and the first reason was told.
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        Answer();
    }

    private void Answer()
    {
        _lastState = _queue!.Queue.State;
        Volatile.Write(ref _state, Stopped);
        _drained.Set();
    }
}
