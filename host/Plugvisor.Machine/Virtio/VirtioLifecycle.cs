using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// Calls a device through its life, one call at a time. The driver (DRIVER_OK, reset) and the host (pause, resume, remove) only say
/// what they want; whoever runs next does the steps towards it. Starting, and stopping with nothing in flight, happen on the vCPU that
/// asked. Stopping that has to wait for I/O happens on a thread of the device's own, made when first needed and gone when it was
/// idle for a while: a driver that resets without end makes no more than that one. What a device throws latches this device and
/// nothing else.
/// </summary>
internal sealed class VirtioLifecycle
{
    private const int BriefWaitMs = 2;
    private const int IdleThreadMs = 2000;

    private readonly string _id;
    private readonly IVirtioDevice _device;
    private readonly IVirtioTransport _transport;
    private readonly VirtioPciEnvironment _environment;
    private readonly QueueDoorbells _doorbells;
    private readonly QueueInterrupt[] _interrupts;
    private readonly QueueFault[] _faults;
    private readonly IDeviceLog _log;
    private readonly TimeSpan _deadline;

    // Written by whoever executes steps; there is one at a time.
    private readonly bool[] _running;
    private readonly Virtqueue?[] _queues;
    private readonly QueueState[] _states;

    // Under the lock.
    private readonly QueueSetup[] _setup;
    private ulong _features;
    private bool _startWanted, _resetting, _paused, _removing;
    private bool _activated, _anyRunning, _allStarted, _dead, _executing, _late;
    private bool _laneWork;
    private Thread? _lane;
    private Timer? _deadlineTimer;
    private long _resets;

    private int _latched;
    private bool _reported;

    public VirtioLifecycle(
        string id, IVirtioDevice device, int queues, IVirtioTransport transport, VirtioPciEnvironment environment,
        QueueDoorbells doorbells, QueueInterrupt[] interrupts, IDeviceLog log)
    {
        _id = id;
        _device = device;
        _transport = transport;
        _environment = environment;
        _doorbells = doorbells;
        _interrupts = interrupts;
        _log = log;
        _deadline = environment.StopDeadline;
        _running = new bool[queues];
        _queues = new Virtqueue?[queues];
        _states = new QueueState[queues];
        _setup = new QueueSetup[queues];
        _faults = new QueueFault[queues];
        for (int i = 0; i < queues; i++) _faults[i] = new QueueFault(this, i);
    }

    /// <summary>Guards the wishes, and the registers of <see cref="VirtioCommonConfig"/> with them: both change together.</summary>
    public object Lock { get; } = new();

    /// <summary>Under the lock, when a reset is done.</summary>
    public required Action OnResetDone { get; init; }

    /// <summary>Any thread, when the device came to need a reset.</summary>
    public required Action OnLatched { get; init; }

    /// <summary>A reset was asked for and is not done. Under the lock.</summary>
    public bool IsResetting => _resetting;

    /// <summary>Whether DEVICE_NEEDS_RESET is set. Any thread.</summary>
    public bool NeedsReset => Volatile.Read(ref _latched) != 0;

    /// <summary>The thread that stops the device, while there is one; for tests.</summary>
    internal bool HasThread
    {
        get { lock (Lock) return _lane is not null; }
    }

    /// <summary>The device needs a reset. Any thread; no lock; one log line until the reset.</summary>
    public void Latch(string reason)
    {
        if (Interlocked.Exchange(ref _latched, 1) != 0) return;
        _log.GuestTriggered($"{reason}; the device needs a reset");
        OnLatched();
    }

    /// <summary>DRIVER_OK. Under the lock; call <see cref="Run"/> after it when the answer is true.</summary>
    public bool RequestStart(ulong features, ReadOnlySpan<QueueSetup> queues)
    {
        if (NeedsReset)
        {
            OnLatched();   // the driver can be told only now
            return false;
        }

        _features = features;
        queues.CopyTo(_setup);
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
    public void AwaitResetBriefly()
    {
        long start = Stopwatch.GetTimestamp();
        lock (Lock)
        {
            long reset = _resets;
            while (_resetting && reset == _resets)
            {
                int left = BriefWaitMs - (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (left <= 0)
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
        lock (Lock)
        {
            _paused = true;
            if (AwaitStopped()) return;
            _paused = false;
        }

        Run();
        throw new DeviceException($"device {_id} cannot be paused: it did not stop its queues within {_deadline.TotalSeconds:0.#} s");
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
            return stopped;
        }
    }

    /// <summary>Does what is wanted as far as it does not block; the rest goes to the device's thread. Not under the lock.</summary>
    public void Run() => Execute(onLane: false);

    private bool AwaitStopped()
    {
        long start = Stopwatch.GetTimestamp();
        while (_executing || Next() is LifecycleStep.StopQueues or LifecycleStep.ResetDevice)
        {
            if (!_executing) WakeLane();
            TimeSpan left = _deadline - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            Monitor.Wait(Lock, left);
        }

        return !_anyRunning;
    }

    private void Execute(bool onLane)
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
                bool blocks = step == LifecycleStep.StopQueues && AnyInFlight();
                if (step == LifecycleStep.None || (blocks && !onLane))
                {
                    _executing = false;
                    Monitor.PulseAll(Lock);
                    if (blocks) WakeLane();
                    return;
                }
            }

            switch (step)
            {
                case LifecycleStep.Activate:
                    Activate();
                    break;
                case LifecycleStep.StartQueues:
                    StartQueues();
                    break;
                case LifecycleStep.StopQueues:
                    StopQueues();
                    break;
                case LifecycleStep.ResetDevice:
                    ResetDevice();
                    break;
            }
        }
    }

    /// <summary>
    /// Whether stopping would have to wait. A look from aside, so a request may be taken just after it: then this vCPU waits for that one,
    /// holding no lock.
    /// </summary>
    private bool AnyInFlight()
    {
        foreach (Virtqueue? queue in _queues)
        {
            if (queue is { InFlight: > 0 }) return true;
        }

        return false;
    }

    /// <summary>The next step. Under the lock. Finishes a reset whose steps are done.</summary>
    private LifecycleStep Next()
    {
        if (_dead) return LifecycleStep.None;
        if (_anyRunning && (_resetting || _paused || _removing)) return LifecycleStep.StopQueues;
        if (_activated && (_resetting || _removing)) return LifecycleStep.ResetDevice;
        if (_resetting) Forget();
        if (!_startWanted || _paused || _removing) return LifecycleStep.None;
        if (!_activated) return LifecycleStep.Activate;
        return _allStarted ? LifecycleStep.None : LifecycleStep.StartQueues;
    }

    /// <summary>The device is as new. Under the lock.</summary>
    private void Forget()
    {
        _startWanted = _resetting = _allStarted = false;
        Array.Clear(_states);
        Volatile.Write(ref _latched, 0);
        if (_late) _log.Info("the reset is done after all");
        _late = false;
        OnResetDone();
        Monitor.PulseAll(Lock);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void Activate()
    {
        bool ok = true;
        try
        {
            _device.Activate(_features, _transport);
        }
        catch (Exception e)
        {
            Blame(nameof(IVirtioDevice.Activate), e);
            ok = false;
        }

        lock (Lock)
        {
            _activated = true;      // also when it threw: it has to be reset then
            _allStarted = !ok;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void StartQueues()
    {
        for (int i = 0; i < _setup.Length; i++)
        {
            QueueSetup setup = _setup[i];   // the driver can change it only by a new DRIVER_OK, and that needs a reset first
            if (!setup.Enabled || _running[i]) continue;
            if (!SplitVirtqueue.TryCreate(_environment.Memory, setup.Size, setup.Descriptors, setup.Driver, setup.Device, _features,
                _states[i], _faults[i], out SplitVirtqueue? queue, out string? error))
            {
                Latch($"queue {i} cannot start: {error}");
                continue;
            }

            // Before the call, so that a start that fails half-way is stopped too.
            _running[i] = true;
            _queues[i] = queue;
            try
            {
                _device.StartQueue(i, new QueueResources { Queue = queue, Doorbell = _doorbells[i], Interrupt = _interrupts[i] });
            }
            catch (Exception e)
            {
                Blame($"{nameof(IVirtioDevice.StartQueue)}({i})", e);
                break;
            }

            // What the driver made available before, or a kick that was taken just before a pause, must not wait for the next kick.
            _doorbells[i].Signal();
        }

        lock (Lock)
        {
            _allStarted = true;
            _anyRunning = Array.IndexOf(_running, true) >= 0;
        }
    }

    private void StopQueues()
    {
        bool dead = false;
        for (int i = 0; i < _running.Length; i++)
        {
            // A second try, as stopping is idempotent. A queue that may still run can still write to guest memory: then the
            // device stays stopped for good, and the driver never sees its reset done.
            if (_running[i] && !TryStop(i) && !TryStop(i)) dead = true;
        }

        lock (Lock)
        {
            _dead = dead;
            _anyRunning = Array.IndexOf(_running, true) >= 0;
            _allStarted = false;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private bool TryStop(int queue)
    {
        try
        {
            _states[queue] = _device.StopQueue(queue);
            _running[queue] = false;
            _queues[queue] = null;
            return true;
        }
        catch (Exception e)
        {
            Blame($"{nameof(IVirtioDevice.StopQueue)}({queue})", e);
            return false;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void ResetDevice()
    {
        try
        {
            _device.Reset();
        }
        catch (Exception e)
        {
            Blame(nameof(IVirtioDevice.Reset), e);   // no queue runs, so the reset counts as done
        }

        lock (Lock) _activated = false;
    }

    /// <summary>A device's own code threw. The first time is always worth a line; later ones a guest can provoke at will.</summary>
    internal void Blame(string callback, Exception e)
    {
        bool first = !_reported;
        _reported = true;
        Interlocked.Exchange(ref _latched, 1);
        string line = $"{callback} threw {e.GetType().Name}: {e.Message}; the device needs a reset";
        if (first) _log.Warn(line);
        else _log.GuestTriggered(line);
        if (_log.IsDebugEnabled) _log.Debug(e.ToString());
        OnLatched();
    }

    private void OnDeadline()
    {
        lock (Lock)
        {
            if (!_resetting || _late) return;
            _late = true;
            Volatile.Write(ref _latched, 1);
            _log.Warn($"the device did not stop within {_deadline.TotalSeconds:0.#} s of its reset; the guest cannot use it until it does");
        }
    }

    /// <summary>Under the lock.</summary>
    private void WakeLane()
    {
        _laneWork = true;
        Monitor.PulseAll(Lock);
        if (_lane is not null) return;
        _lane = new Thread(RunLane, maxStackSize: 256 * 1024) { Name = $"{_id}_life", IsBackground = true };
        _lane.Start();
    }

    private void RunLane()
    {
        while (true)
        {
            lock (Lock)
            {
                while (!_laneWork)
                {
                    if (Monitor.Wait(Lock, IdleThreadMs) || _laneWork) continue;
                    _lane = null;
                    return;
                }

                _laneWork = false;
            }

            Execute(onLane: true);
        }
    }
}
