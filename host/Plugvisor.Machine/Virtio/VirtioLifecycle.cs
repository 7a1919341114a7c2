using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Threads;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// Calls a device through its life, one call at a time. The driver (DRIVER_OK, reset) and the host (pause, resume, remove) only say
/// what they want; whoever runs next does the steps towards it. Starting, and stopping with nothing in flight, happen on the vCPU that
/// asked, and so does stopping that soon has its I/O done. Stopping that has to wait longer happens on a thread of the device's own, made when
/// first needed and gone when it was idle for a while: a driver that resets without end makes no more than that one.
/// </summary>
internal sealed partial class VirtioLifecycle
{
    /// <summary>How long a vCPU waits for its reset. Most are done by then, and Linux asks only once a millisecond whether it is.</summary>
    private static readonly TimeSpan s_briefly = TimeSpan.FromMilliseconds(2);

    /// <summary>How long the device's thread stays without work.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(2);

    // Not the lock's monitor, in which every end of a step would wake the thread.
    private readonly WaitFlag _threadWoken = new();

    private readonly string _id;
    private readonly VirtioDeviceCalls _device;
    private readonly DeviceLatch _latch;
    private readonly TimeSpan _deadline;
    private readonly IDeviceLog _log;
    private readonly IDeviceListener? _listener;
    private readonly Action _resetDone;
    private readonly StartPace _pace;

    // All under the lock, except that whoever executes steps reads what was negotiated: it changes only after a reset.
    private readonly QueueSetup[] _setups;
    private ulong _features;
    private bool _startWanted, _resetting, _paused, _removing;
    private bool _held;                  // the device's code is being exchanged
    private bool _activated, _anyRunning, _allStarted, _stopping, _dead, _late;
    private bool _executing;
    private bool _deferred;              // a start that is not due yet
    private bool _threadWanted, _ticking;
    private Thread? _thread;
    private Timer? _deadlineTimer;
    private long _resets;

    /// <summary>Makes the life of a device that is as new.</summary>
    /// <param name="id">The device's id.</param>
    /// <param name="queues">How many queues it has.</param>
    /// <param name="device">The device, guarded.</param>
    /// <param name="latch">DEVICE_NEEDS_RESET.</param>
    /// <param name="environment">Deadline, pace and listener.</param>
    /// <param name="log">The device's log.</param>
    /// <param name="resetDone">Called under the lock when a reset is done.</param>
    public VirtioLifecycle(
        string id, int queues, VirtioDeviceCalls device, DeviceLatch latch, VirtioPciEnvironment environment, IDeviceLog log, Action resetDone)
    {
        _id = id;
        _device = device;
        _latch = latch;
        _deadline = environment.StopDeadline;
        _log = log;
        _listener = environment.Listener;
        _resetDone = resetDone;
        _setups = new QueueSetup[queues];
        _pace = new StartPace(environment.StartsPerSecond, log);
    }

    /// <summary>Guards the wishes, and the registers of <see cref="VirtioCommonConfig"/> with them: both change together.</summary>
    public object Lock { get; } = new();

    /// <summary>A reset was asked for and is not done. Under the lock.</summary>
    public bool IsResetting => _resetting;

    /// <summary>Whether a start waits for its time and nothing else. Under the lock.</summary>
    private bool IsDeferred => _deferred && _startWanted && !_paused && !_removing && !_held && !_dead;

    /// <summary>DRIVER_OK. Under the lock; call <see cref="Run"/> after it when the answer is true.</summary>
    public bool RequestStart(ulong features, ReadOnlySpan<QueueSetup> setups)
    {
        if (_latch.IsSet)
        {
            _latch.TellDriverAgain();   // before DRIVER_OK it could not be told
            return false;
        }

        _features = features;
        setups.CopyTo(_setups);
        _startWanted = true;
        return true;
    }

    /// <summary>
    /// The driver resets. Under the lock. Done at once when the device was never activated; otherwise call <see cref="Run"/> after it.
    /// </summary>
    public bool TryResetNow()
    {
        _resets++;
        if (_activated || _executing || _anyRunning)
        {
            _resetting = true;
            return false;
        }

        Forget();
        return true;
    }

    /// <summary>
    /// Gives a reset that can be quick the time to be, so that the driver need not poll; a slow one goes on without this vCPU.
    /// </summary>
    /// <param name="start">When the driver asked, as <see cref="Stopwatch"/> counts.</param>
    public void AwaitResetBriefly(long start)
    {
        lock (Lock)
        {
            long reset = _resets;
            while (_resetting && reset == _resets && !_removing)
            {
                TimeSpan left = s_briefly - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                {
                    _deadlineTimer ??= new Timer(static life => ((VirtioLifecycle)life!).OnDeadline(), this, -1, -1);
                    _deadlineTimer.Change(_deadline, Timeout.InfiniteTimeSpan);
                    return;
                }

                Monitor.Wait(Lock, left);
            }
        }
    }

    /// <summary>
    /// Stops all queues and keeps where they stand. Control loop. The driver's wishes wait until <see cref="Resume"/>, except a reset.
    /// </summary>
    /// <exception cref="DeviceException">The device did not stop in time; it goes on.</exception>
    public void Pause()
    {
        string? stuck;
        lock (Lock)
        {
            _paused = true;
            if (AwaitStopped()) return;
            _paused = false;
            stuck = _device.Current;
        }

        Run();
        string who = stuck is null ? "" : $" ({(_log as DeviceLog)?.Culprit}{stuck} has not returned)";
        throw new DeviceException($"device {_id} cannot be paused: it did not stop its queues within {_deadline.TotalSeconds:0.##} s{who}");
    }

    /// <summary>Starts the queues again where they stood.</summary>
    public void Resume()
    {
        lock (Lock) _paused = false;
        Run();
    }

    /// <summary>Stops and resets the device for good. Control loop.</summary>
    /// <returns>False when it did not stop in time: it may still touch its queues, so nothing of them may be freed.</returns>
    public bool Remove()
    {
        lock (Lock)
        {
            _removing = true;
            bool stopped = AwaitStopped();
            _deadlineTimer?.Dispose();
            // A thread that idles would keep the device's code from being unloaded.
            if (_thread is not null) _threadWoken.Set();
            return stopped;
        }
    }

    /// <summary>Does what is wanted as far as it need not wait; the rest goes to the device's thread. Not under the lock.</summary>
    public void Run() => Execute(mayWait: false);

    private void Execute(bool mayWait)
    {
        lock (Lock)
        {
            if (_executing) return;   // the one who does looks again before it ends
            _executing = true;
        }

        while (true)
        {
            LifecycleStep step;
            lock (Lock)
            {
                step = Next();
                if (step == LifecycleStep.None)
                {
                    _executing = false;
                    if (IsDeferred && !_ticking) WakeThread();
                    Monitor.PulseAll(Lock);
                    return;
                }
            }

            if (Do(step, mayWait)) continue;
            lock (Lock)
            {
                _executing = false;
                WakeThread();
                return;
            }
        }
    }

    /// <summary>The next step. Under the lock. Finishes a reset whose steps are done.</summary>
    private LifecycleStep Next()
    {
        if (_dead) return LifecycleStep.None;
        if (_anyRunning && (_resetting || _paused || _removing || _stopping || _held)) return LifecycleStep.StopQueues;
        if (_held) return LifecycleStep.None;
        if (_activated && (_resetting || _removing)) return LifecycleStep.ResetDevice;
        if (_resetting) Forget();
        if (!_startWanted || _paused || _removing) return LifecycleStep.None;
        if (!_activated)
        {
            _deferred = !_pace.MayStart();
            return _deferred ? LifecycleStep.None : LifecycleStep.Activate;
        }

        return _allStarted ? LifecycleStep.None : LifecycleStep.StartQueues;
    }

    /// <summary>Calls the device, without the lock, and notes the outcome.</summary>
    /// <returns>False when the step is not done and has to be waited for.</returns>
    private bool Do(LifecycleStep step, bool mayWait)
    {
        switch (step)
        {
            case LifecycleStep.Activate:
                bool activated = _device.Activate(_features);
                lock (Lock)
                {
                    _activated = true;      // also when it failed: it has to be reset then
                    _allStarted = !activated;
                }

                if (activated) _listener?.OnActivated(_id);
                break;
            case LifecycleStep.StartQueues:
                _device.StartQueues(_setups, _features);
                lock (Lock)
                {
                    _allStarted = true;
                    _anyRunning = _device.AnyRunning;
                }

                break;
            case LifecycleStep.StopQueues:
                StopOutcome stop = mayWait ? _device.StopQueues() : _device.TryStopQueues(s_briefly);
                lock (Lock)
                {
                    // A queue that may still run can still write to guest memory: the driver never sees this reset done.
                    _dead = stop == StopOutcome.Failed;
                    // A queue that was asked has to be seen stopped before it can be started, whatever is wanted by then.
                    _stopping = stop == StopOutcome.MustWait;
                    _allStarted = false;
                    _anyRunning = _device.AnyRunning;
                }

                return stop != StopOutcome.MustWait;
            case LifecycleStep.ResetDevice:
                _device.Reset();
                bool removing;
                lock (Lock)
                {
                    _activated = false;
                    removing = _removing;
                }

                if (!removing) _listener?.OnReset(_id);   // the end of the machine is no reset by the driver
                break;
        }

        return true;
    }

    /// <summary>The device is as new. Under the lock.</summary>
    private void Forget()
    {
        _startWanted = _resetting = _allStarted = _deferred = false;
        _device.ForgetStates();
        _latch.Clear();
        if (_late) _log.Info("the reset is done after all");
        _late = false;
        _resetDone();
        Monitor.PulseAll(Lock);
    }

    /// <summary>Under the lock, which is released while waiting.</summary>
    private bool AwaitStopped() => AwaitStopped(_deadline);

    /// <summary>Under the lock, which is released while waiting.</summary>
    private bool AwaitStopped(TimeSpan deadline)
    {
        long start = Stopwatch.GetTimestamp();
        while (_executing || Next() is LifecycleStep.StopQueues or LifecycleStep.ResetDevice)
        {
            if (!_executing) WakeThread();
            TimeSpan left = deadline - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            Monitor.Wait(Lock, left);
        }

        return !_anyRunning;
    }

    private void OnDeadline()
    {
        lock (Lock)
        {
            if (!_resetting || _late) return;
            _late = true;
            _latch.SetSilently();
            string who = _device.Current is { } call ? $" ({(_log as DeviceLog)?.Culprit}{call} has not returned)" : "";
            _log.Warn($"the device did not stop within {_deadline.TotalSeconds:0.##} s of its reset{who}; the guest cannot use it until it does");
        }
    }

    /// <summary>Under the lock.</summary>
    private void WakeThread()
    {
        _threadWanted = true;
        _threadWoken.Set();
        if (_thread is not null) return;
        _thread = new Thread(RunThread, maxStackSize: 256 * 1024) { Name = $"{_id}_life", IsBackground = true };
        _thread.Start();
    }

    private void RunThread()
    {
        bool tick = false;   // while a start is deferred, nobody else may come to look whether it is time
        while (true)
        {
            _threadWoken.TryWait(tick ? StartPace.Tick : s_idle, TimeSpan.Zero);
            lock (Lock)
            {
                if (!_threadWanted && !tick)
                {
                    _thread = null;
                    return;
                }

                _threadWanted = false;
                _threadWoken.Reset();
            }

            Execute(mayWait: true);
            lock (Lock) tick = _ticking = IsDeferred;
        }
    }
}
