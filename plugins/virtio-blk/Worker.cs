using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.IoUring;
using Plugvisor.Linux.Threads;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>
/// The thread of one queue. It is started with the first <see cref="Start"/>, waits in the engine (one place for completions, doorbell and
/// wake-ups), also for a while when the queue is stopped, and is used again by the next Start. Who may touch the queue is one word
/// that changes hands by compare-and-swap, as in <see cref="Plugvisor.Virtio.Workers.QueueWorker"/>, which cannot be used
/// here because it waits in epoll.
/// <para>
/// Waking a thread on another CPU is what costs most here, so it is done only when it must be: a queue that is started empty sleeps on until
/// its doorbell, and one that sleeps is stopped without waking it, as the completions in flight will do that.
/// </para>
/// <para>Start, Stop and Dispose come from one thread at a time.</para>
/// </summary>
internal sealed unsafe partial class Worker : IDisposable
{
    private const int Stopped = 0;
    private const int Ready = 1;       // nobody: the thread claims it to serve, the stopper to stop
    private const int Serving = 2;     // the thread
    private const int Claimed = 3;     // the thread in Stop
    private const int Stopping = 4;    // the thread: it has to drain and answer

    /// <summary>How long to look for a drain by a thread that is running: about what going to sleep and being woken costs.</summary>
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(10);

    private readonly Disk _disk;
    private readonly Metrics _metrics;
    private readonly IDeviceHost _host;
    private readonly string _name;
    private readonly bool _allowIoUring;
    private readonly IReadOnlyList<int>? _cpus;
    private readonly int _largestQueue;
    private readonly WaitFlag _parked = new();                // set: leave the parking place
    private readonly WaitFlag _drained = new();
    private readonly Lock _engineGate = new();                // guards waking an engine that is being made or disposed
    private BlockEngine? _engine;
    private QueueResources? _queue;
    private EventFd? _attached;                               // the doorbell that the engine listens to
    private Thread? _thread;
    private QueueState _lastState;
    private int _state = Stopped;
    private volatile bool _exit;

    /// <summary>Makes a worker without a thread yet.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="metrics">Where this queue counts.</param>
    /// <param name="host">Gives the thread, and is told when it fails.</param>
    /// <param name="name">The thread's name.</param>
    /// <param name="config">Engine and affinity.</param>
    /// <param name="index">The queue's index.</param>
    public Worker(Disk disk, Metrics metrics, IDeviceHost host, string name, Config config, int index)
    {
        _disk = disk;
        _metrics = metrics;
        _host = host;
        _name = name;
        _allowIoUring = !config.DisableIoUring;
        _largestQueue = config.QueueSize;
        foreach (QueueAffinity affinity in config.Affinity ?? [])
        {
            if (affinity.QueueIndex == index) _cpus = affinity.HostCpus;
        }
    }

    /// <summary>Whether the queue is started.</summary>
    public bool IsRunning => Volatile.Read(ref _state) != Stopped;

    /// <summary>Serves a queue from now on, first of all what is in it already. Returns without waiting for the thread.</summary>
    /// <exception cref="InvalidOperationException">It runs already: a mistake of the host.</exception>
    public void Start(QueueResources queue)
    {
        ObjectDisposedException.ThrowIf(_exit, this);
        if (IsRunning) throw new InvalidOperationException($"queue thread {_name} runs already");
        _queue = queue;
        Prepare(queue);
        ForgetPolling();
        queue.Queue.EnableDoorbell();
        bool listens = ReferenceEquals(_attached, queue.Doorbell);
        // Release: all of the above must be visible to the thread before it can claim the queue. And a full fence: what the driver makes
        // available from here on comes with a doorbell that finds the queue ready; what it did before is seen below.
        Interlocked.Exchange(ref _state, Ready);
        _parked.Set();
        if (_thread is null) _thread = _host.StartThread(_name, Run);
        else if (!listens || _flushRequested || queue.Queue.HasAvailable) Wake();
    }

    /// <summary>Stops serving; when it returns, nothing touches the ring or its buffers any more. Waits for what is in flight. Idempotent.</summary>
    /// <returns>Where the queue stands.</returns>
    public QueueState Stop()
    {
        TryStop(Timeout.InfiniteTimeSpan, out QueueState state);
        return state;
    }

    /// <summary>
    /// As <see cref="Stop"/>, but waits no longer than this. Then the queue goes on stopping by itself; call one of the two again.
    /// </summary>
    /// <param name="patience">Bound for the wait, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="state">Where the queue stands, when the answer is true.</param>
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
                    if (IsIdle)
                    {
                        _lastState = _queue!.Queue.State;
                        Volatile.Write(ref _state, Stopped);
                        continue;
                    }

                    // The thread sleeps until a completion, or for tokens.
                    bool held = _held != None;
                    _drained.Reset();
                    Volatile.Write(ref _state, Stopping);
                    if (held) Wake();
                    break;

                case Serving:
                    if (Thread.CurrentThread == _thread) throw new InvalidOperationException($"queue thread {_name} cannot stop itself");
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

    /// <summary>Makes the thread look at its queue, if that runs. Any thread.</summary>
    public void Wake()
    {
        lock (_engineGate) _engine?.Wake();
    }

    /// <summary>Stops the queue and ends the thread, which closes its engine.</summary>
    public void Dispose()
    {
        if (_exit) return;
        Stop();
        _exit = true;
        _parked.Set();
        Wake();
        _thread?.Join();
        _pool?.Dispose();
    }

    private void Run()
    {
        try
        {
            SetAffinity();
            BlockEngine engine = MakeEngine();
            lock (_engineGate) _engine = engine;
            while (!_exit)
            {
                if (Volatile.Read(ref _state) == Stopped) Rest(engine);
                else Step(engine);
            }
        }
        finally
        {
            lock (_engineGate)
            {
                _engine?.Dispose();
                _engine = null;
            }

            // Without its thread the queue cannot go on; whoever stops it must still get an answer.
            if (!_exit) AnswerForEver();
        }
    }

    /// <summary>One turn of the loop. A method of its own, so that the runtime can replace it by better code while the loop runs.</summary>
    private void Step(BlockEngine engine)
    {
        if (Interlocked.CompareExchange(ref _state, Serving, Ready) == Ready)
        {
            long wait;
            try
            {
                engine.Attach(_queue!.Doorbell);
                _attached = _queue.Doorbell;
                wait = Pass(engine);
            }
#pragma warning disable CA1031 // A bug here must end this device and nothing else; whoever waits in Stop has to be answered.
            catch (Exception e)
#pragma warning restore CA1031
            {
                GiveUp(engine, e);
                return;
            }

            if (Interlocked.CompareExchange(ref _state, Ready, Serving) == Serving)
            {
                if (wait != 0) Sleep(engine, wait);
                return;
            }
        }

        if (Volatile.Read(ref _state) != Stopping) return;   // claimed for a moment, or stopped
        try
        {
            Drain(engine);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _host.Fail($"{_name}: {e.Message}");
        }

        Answer();
    }

    /// <summary>
    /// Waits for a start: in the engine, so that the first doorbell after it is what wakes the thread. A doorbell without a start parks it where no
    /// other wakes it, so that a driver cannot keep it busy by ringing at a queue that does not run.
    /// </summary>
    private void Rest(BlockEngine engine)
    {
        engine.Wait(-1);
        // Nothing is in flight: these are doorbells and wake-ups, which would end the next wait at once.
        while (engine.TryTake(out _, out _))
        {
        }

        // Reset before the state is read again: a start in between sets the flag after it has changed the state.
        _parked.Reset();
        if (Volatile.Read(ref _state) == Stopped && !_exit) _parked.Wait();
    }

    /// <summary>The service threw: it gets one chance to drain what is in flight, then the queue counts as stopped.</summary>
    private void GiveUp(BlockEngine engine, Exception exception)
    {
        _host.Fail($"{_name}: {exception.Message}");
        if (_host.Log.IsDebugEnabled) _host.Log.Debug(exception.ToString());
        try
        {
            Drain(engine);
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

    /// <summary>The thread ends early. Its queue, if it has one, counts as stopped where it stands.</summary>
    private void AnswerForEver()
    {
        while (Volatile.Read(ref _state) is var state && state != Stopped)
        {
            if (state == Claimed) Thread.Yield();
            else if (Interlocked.CompareExchange(ref _state, Stopped, state) == state)
            {
                _lastState = _queue!.Queue.State;
                _drained.Set();
            }
        }
    }

    private void SetAffinity()
    {
        if (_cpus is null) return;
        try
        {
            ThreadAffinity.Set(_cpus);
        }
        catch (LinuxException e)
        {
            _host.Log.Warn($"{_name}: queue_affinity has no effect: {e.Message}");
        }
    }

    private BlockEngine MakeEngine()
    {
        BlockEngine engine = ChooseEngine();
        return _host.Service<IEngineLayer>()?.Over(engine) ?? engine;
    }

    private BlockEngine ChooseEngine()
    {
        int slots = Math.Min(_largestQueue, RequestPool.MaxSlots) + 1;
        if (_allowIoUring)
        {
            try
            {
                var engine = new IoUringEngine(_disk.Image, slots);
                _host.Log.Info($"{_name}: io_uring");
                return engine;
            }
            catch (LinuxException e)
            {
                _host.Log.Warn($"{_name}: no io_uring, plain system calls are used: {IoUringSupport.Explain(e)}");
            }
        }

        _host.Log.Info($"{_name}: plain system calls");
        return new SyncEngine(_disk.Image, slots);
    }

    /// <summary>Sleeps until something happens, and learns from how long that took whether polling for a while would have been better.</summary>
    private void Sleep(BlockEngine engine, long timeout)
    {
        long start = Stopwatch.GetTimestamp();
        engine.Wait(timeout);
        _polled?.Learn(Stopwatch.GetTimestamp() - start);
        _slept = true;
    }
}
