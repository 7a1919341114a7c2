using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Threads;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Workers;

/// <summary>
/// One thread that serves some queues, each of which is started and stopped by itself. It is started with the first
/// <see cref="Start"/>, looks around for a while after work as long as that pays (see <see cref="PollBudget"/>), then sleeps in ppoll; it is
/// parked while no queue runs. A queue that is not being served at the moment is stopped without the thread.
/// <para>
/// <see cref="Start"/>, <see cref="Stop"/> and <see cref="Dispose"/> come from one thread at a time (the transport's rule);
/// <see cref="Wake"/> may be used from any thread.
/// </para>
/// </summary>
public sealed class QueueGroupWorker : IDisposable
{
    // Who may touch a queue. Ready is nobody: the worker claims it for serving, the stopper for stopping, each with one
    // compare-and-swap, which is also the acquire and release that hands the queue's fields from one thread to the other.
    private const int Stopped = 0;
    private const int Ready = 1;
    private const int Serving = 2;       // the worker
    private const int Claimed = 3;       // the thread in Stop
    private const int Stopping = 4;      // the worker: it has to drain and answer

    // A doorbell is an exit of a vCPU, which is dear. When the host has work it is only a switch of threads that looking around can save, and
    // somebody may be waiting for this CPU: so do that for little longer than a switch takes.
    private const long MaxPollForDriver = 50_000;
    private const long MinPollForDriver = 4_000;
    private const long MaxPollForHost = 8_000;
    private const long MinPollForHost = 2_000;
    private const int LooksPerClock = 4;

    /// <summary>How long to look for a drain by a thread that is running: about what going to sleep and being woken costs.</summary>
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(10);

    private const int MaxPasses = 1000;
    private const int EntriesPerQueue = 2;
    private const int NoDescriptor = -1;

    private readonly IDeviceHost _host;
    private readonly string _name;
    private readonly IQueueGroupService _service;
    private readonly Slot[] _slots;
    private readonly PollEntry[] _entries;        // the control, then doorbell and descriptor of each queue
    private readonly EventFd _control = new();
    private readonly WaitFlag _parked = new();    // set: leave the parking place
    private readonly PollBudget _driverPoll = new(MaxPollForDriver, MinPollForDriver);
    private readonly PollBudget _hostPoll = new(MaxPollForHost, MinPollForHost);
    private Thread? _thread;
    private volatile bool _exit;
    private volatile bool _isNew;                 // a queue started since the thread looked

    /// <summary>Makes a worker without a thread yet.</summary>
    /// <param name="host">Gives the thread, and is told when the service throws.</param>
    /// <param name="name">The thread's name, by custom <c>ID_qp0</c>.</param>
    /// <param name="queues">How many queues there are.</param>
    /// <param name="service">What to do with them.</param>
    public QueueGroupWorker(IDeviceHost host, string name, int queues, IQueueGroupService service)
    {
        _host = host;
        _name = name;
        _service = service;
        _slots = new Slot[queues];
        for (int i = 0; i < queues; i++) _slots[i] = new Slot();
        _entries = new PollEntry[1 + EntriesPerQueue * queues];
        _entries[0] = new PollEntry(_control.Descriptor, PollEvents.Readable);
    }

    /// <summary>Whether a queue is started.</summary>
    public bool IsRunning(int index) => Volatile.Read(ref _slots[index].State) != Stopped;

    /// <summary>Serves a queue from now on, first of all what is in it already. Returns without waiting for the thread.</summary>
    /// <exception cref="InvalidOperationException">It runs already: a mistake of the host.</exception>
    public void Start(int index, QueueResources queue)
    {
        ObjectDisposedException.ThrowIf(_exit, this);
        Slot slot = _slots[index];
        if (IsRunning(index)) throw new InvalidOperationException($"queue {index} of worker {_name} runs already");

        slot.Queue = queue;
        _isNew = true;
        _service.Starting(index, queue);
        // Release: all of the above must be visible to the worker before it can claim the queue.
        Volatile.Write(ref slot.State, Ready);
        if (_thread is null)
        {
            _thread = _host.StartThread(_name, Run);
            return;
        }

        // The thread is parked, or asleep.
        _parked.Set();
        _control.Signal();
    }

    /// <summary>Stops serving a queue; when it returns, nothing touches the ring or its buffers any more. Idempotent.</summary>
    /// <returns>Where the queue stands.</returns>
    public QueueState Stop(int index)
    {
        TryStop(index, Timeout.InfiniteTimeSpan, out QueueState state);
        return state;
    }

    /// <summary>
    /// As <see cref="Stop"/>, but waits no longer than this. Then the queue goes on stopping by itself; call one of the two again. What a device
    /// needs for <see cref="Plugvisor.Virtio.Devices.IStopsInTime"/>.
    /// </summary>
    /// <param name="index">The queue.</param>
    /// <param name="patience">Bound for the wait, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="state">Where the queue stands, when the answer is true.</param>
    /// <returns>Whether the queue has stopped.</returns>
    public bool TryStop(int index, TimeSpan patience, out QueueState state)
    {
        Slot slot = _slots[index];
        TimeSpan spin = TimeSpan.Zero;
        while (true)
        {
            switch (Volatile.Read(ref slot.State))
            {
                case Stopped:
                    state = slot.LastState;
                    return true;

                case Ready when Interlocked.CompareExchange(ref slot.State, Claimed, Ready) == Ready:
                    DrainAndAnswer(index, slot);
                    continue;

                case Serving:
                    if (Thread.CurrentThread == _thread)
                        throw new InvalidOperationException($"queue {index} of worker {_name} cannot stop itself");
                    slot.Drained.Reset();
                    if (Interlocked.CompareExchange(ref slot.State, Stopping, Serving) != Serving) continue;
                    spin = s_spin;
                    break;

                case Stopping:
                    break;

                default:
                    continue;
            }

            if (slot.Drained.TryWait(patience, spin)) continue;
            state = default;
            return false;
        }
    }

    /// <summary>Makes the worker look at its queues once. Any thread.</summary>
    public void Wake() => _control.Signal();

    /// <summary>
    /// A descriptor that a queue also waits for when its service says so. Before the queue is started for the first time; it stays open until
    /// <see cref="Dispose"/>.
    /// </summary>
    public void Watch(int index, int descriptor, PollEvents events) => _slots[index].Watched = new PollEntry(descriptor, events);

    /// <summary>Stops the queues and ends the thread.</summary>
    public void Dispose()
    {
        if (_exit) return;
        for (int i = 0; i < _slots.Length; i++) Stop(i);
        _exit = true;
        _parked.Set();
        _control.Signal();
        _thread?.Join();
        // Only now: the thread used all of these until its end.
        _control.Dispose();
    }

    private bool AnyRuns
    {
        get
        {
            foreach (Slot slot in _slots)
            {
                if (Volatile.Read(ref slot.State) != Stopped) return true;
            }

            return false;
        }
    }

    private void Run()
    {
        while (!_exit)
        {
            if (AnyRuns) Turn();
            else Park();
        }
    }

    /// <summary>Waits for a start, with as little as a thread can cost.</summary>
    private void Park()
    {
        // Reset before the states are read again: a start in between sets the event after it has changed a state.
        _parked.Reset();
        if (!AnyRuns && !_exit) _parked.Wait();
    }

    /// <summary>
    /// From one sleep to the next, or a good deal of work. A method of its own, so that the runtime can replace it by better code while
    /// <see cref="Run"/> runs.
    /// </summary>
    private void Turn()
    {
        if (_isNew)
        {
            // What was learnt is forgotten with it: a driver that resets its device again and again must not keep a CPU polling.
            _isNew = false;
            _driverPoll.Forget();
            _hostPoll.Forget();
        }

        bool forDriver = false;
        for (int passes = 0; ServeAll(ref forDriver) == ServeResult.More; passes++)
        {
            if (passes == MaxPasses) return;
        }

        PollBudget budget = forDriver ? _driverPoll : _hostPoll;
        if (Poll(budget.Ticks)) return;
        long wait = ArmAll();
        if (wait == 0) return;

        long start = Stopwatch.GetTimestamp();
        Sleep(wait);
        budget.Learn(Stopwatch.GetTimestamp() - start);
    }

    private void Sleep(long nanoseconds)
    {
        if (DescriptorPoll.Wait(_entries, nanoseconds) == 0) return;
        if (_entries[0].Ready != PollEvents.None) _control.Drain();
        // A doorbell may be closed as soon as its queue is stopped, so it is only read from when the queue is claimed. What else is ready does not
        // matter: the service looks at all of its sources.
        for (int i = 0; i < _slots.Length; i++) _slots[i].IsRung |= _entries[1 + EntriesPerQueue * i].Ready != PollEvents.None;
    }

    /// <returns>Whether there was something to do.</returns>
    private bool Poll(long ticks)
    {
        if (ticks == 0 || !PollBudget.MayPoll) return false;
        long end = Stopwatch.GetTimestamp() + ticks;
        bool unused = false;
        do
        {
            for (int i = 0; i < LooksPerClock; i++)
            {
                if (ServeAll(ref unused) != ServeResult.Idle) return true;
                if (X86Base.IsSupported) X86Base.Pause();
            }
        }
        while (Stopwatch.GetTimestamp() < end && !_exit);
        return false;
    }

    /// <param name="forDriver">Set when something was done for a queue that waits for its driver.</param>
    /// <returns>The most of what the queues say.</returns>
    private ServeResult ServeAll(ref bool forDriver)
    {
        var most = ServeResult.Idle;
        for (int i = 0; i < _slots.Length; i++)
        {
            Slot slot = _slots[i];
            if (Interlocked.CompareExchange(ref slot.State, Serving, Ready) != Ready) continue;
            try
            {
                if (slot.IsRung)
                {
                    slot.IsRung = false;
                    slot.Queue!.Doorbell.Drain();
                }

                ServeResult result = _service.Serve(i, slot.Queue!);
                if (result != ServeResult.Idle) forDriver |= _service.AwaitsDriver(i);
                if (result > most) most = result;
            }
#pragma warning disable CA1031 // A device's bug must end that device and nothing else; whoever waits in Stop has to be answered.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                GiveUp(i, slot, exception);
                continue;
            }

            Release(i, slot);
        }

        return most;
    }

    /// <returns>How long to sleep, in nanoseconds; 0 for not at all, negative for ever.</returns>
    private long ArmAll()
    {
        ulong least = ulong.MaxValue;   // -1 as unsigned: no limit is the greatest
        for (int i = 0; i < _slots.Length; i++)
        {
            Slot slot = _slots[i];
            ref PollEntry doorbell = ref _entries[1 + EntriesPerQueue * i], watched = ref _entries[2 + EntriesPerQueue * i];
            doorbell = watched = new PollEntry(NoDescriptor, PollEvents.None);
            if (Interlocked.CompareExchange(ref slot.State, Serving, Ready) != Ready) continue;
            try
            {
                least = Math.Min(least, (ulong)_service.Arm(i, slot.Queue!, out bool watch).Nanoseconds);
                doorbell = new PollEntry(slot.Queue!.Doorbell.Descriptor, PollEvents.Readable);
                if (watch) watched = slot.Watched;
            }
#pragma warning disable CA1031 // As above.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                GiveUp(i, slot, exception);
                continue;
            }

            Release(i, slot);
        }

        return (long)least;
    }

    private void Release(int index, Slot slot)
    {
        if (Interlocked.CompareExchange(ref slot.State, Ready, Serving) != Serving) DrainAndAnswer(index, slot);   // Stopping
    }

    /// <summary>By whoever owns the queue; afterwards it is stopped.</summary>
    private void DrainAndAnswer(int index, Slot slot)
    {
        try
        {
            _service.Drain(index, slot.Queue!);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _host.Fail($"{_name}: {exception.Message}");
        }

        Answer(slot);
    }

    /// <summary>The service threw. Its requests must not outlive the queue, so it gets one chance to drain them.</summary>
    private void GiveUp(int index, Slot slot, Exception exception)
    {
        _host.Fail($"{_name}: {exception.Message}");
        if (_host.Log.IsDebugEnabled) _host.Log.Debug(exception.ToString());
        try
        {
            _service.Drain(index, slot.Queue!);
        }
#pragma warning disable CA1031 // It has failed already, and the first reason was told.
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        Answer(slot);
    }

    private static void Answer(Slot slot)
    {
        slot.LastState = slot.Queue!.Queue.State;
        Volatile.Write(ref slot.State, Stopped);
        slot.Drained.Set();
    }

    /// <summary>One queue.</summary>
    private sealed class Slot
    {
        public readonly WaitFlag Drained = new();
        public int State = Stopped;
        public QueueResources? Queue;
        public QueueState LastState;
        public PollEntry Watched = new(NoDescriptor, PollEvents.None);
        public bool IsRung;      // the worker's: the doorbell has to be read
    }
}
