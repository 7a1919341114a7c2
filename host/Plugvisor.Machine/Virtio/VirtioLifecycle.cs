using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// Calls a device through its life, one call at a time. The driver (DRIVER_OK, reset) and the host (pause, resume, remove) only say
/// what they want; whoever runs next does the steps towards it. Starting, and stopping with nothing in flight, happen on the vCPU that
/// asked. Stopping that has to wait for I/O happens on a thread of the device's own, made when first needed and gone when it was
/// idle for a while: a driver that resets without end makes no more than that one.
/// </summary>
internal sealed class VirtioLifecycle(
    string id, int queues, VirtioDeviceCalls device, DeviceLatch latch, TimeSpan deadline, IDeviceLog log, IDeviceListener? listener,
    Action resetDone)
{
    private const int BriefWaitMs = 2;
    private const int IdleThreadMs = 2000;

    // All under the lock, except that whoever executes steps reads what was negotiated: it changes only after a reset.
    private readonly QueueSetup[] _setups = new QueueSetup[queues];
    private ulong _features;
    private bool _startWanted, _resetting, _paused, _removing;
    private bool _activated, _anyRunning, _allStarted, _dead, _late;
    private bool _executing;
    private bool _threadWanted;
    private Thread? _thread;
    private Timer? _deadlineTimer;
    private long _resets;

    /// <summary>Guards the wishes, and the registers of <see cref="VirtioCommonConfig"/> with them: both change together.</summary>
    public object Lock { get; } = new();

    /// <summary>A reset was asked for and is not done. Under the lock.</summary>
    public bool IsResetting => _resetting;

    /// <summary>DRIVER_OK. Under the lock; call <see cref="Run"/> after it when the answer is true.</summary>
    public bool RequestStart(ulong features, ReadOnlySpan<QueueSetup> setups)
    {
        if (latch.IsSet)
        {
            latch.TellDriverAgain();   // before DRIVER_OK it could not be told
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
    public void AwaitResetBriefly()
    {
        long start = Stopwatch.GetTimestamp();
        lock (Lock)
        {
            long reset = _resets;
            while (_resetting && reset == _resets && !_removing)
            {
                int left = BriefWaitMs - (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (left <= 0)
                {
                    _deadlineTimer ??= new Timer(static life => ((VirtioLifecycle)life!).OnDeadline(), this, -1, -1);
                    _deadlineTimer.Change(deadline, Timeout.InfiniteTimeSpan);
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
        throw new DeviceException($"device {id} cannot be paused: it did not stop its queues within {deadline.TotalSeconds:0.##} s");
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
                bool waits = step == LifecycleStep.StopQueues && device.AnyInFlight;
                if (step == LifecycleStep.None || (waits && !mayWait))
                {
                    _executing = false;
                    Monitor.PulseAll(Lock);
                    if (waits) WakeThread();
                    return;
                }
            }

            Do(step);
        }
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

    /// <summary>Calls the device, without the lock, and notes the outcome.</summary>
    private void Do(LifecycleStep step)
    {
        switch (step)
        {
            case LifecycleStep.Activate:
                bool activated = device.Activate(_features);
                lock (Lock)
                {
                    _activated = true;      // also when it failed: it has to be reset then
                    _allStarted = !activated;
                }

                if (activated) listener?.OnActivated(id);
                break;
            case LifecycleStep.StartQueues:
                device.StartQueues(_setups, _features);
                lock (Lock)
                {
                    _allStarted = true;
                    _anyRunning = device.AnyRunning;
                }

                break;
            case LifecycleStep.StopQueues:
                bool stopped = device.StopQueues();
                lock (Lock)
                {
                    // A queue that may still run can still write to guest memory: the driver never sees this reset done.
                    _dead = !stopped;
                    _allStarted = false;
                    _anyRunning = device.AnyRunning;
                }

                break;
            case LifecycleStep.ResetDevice:
                device.Reset();
                bool removing;
                lock (Lock)
                {
                    _activated = false;
                    removing = _removing;
                }

                if (!removing) listener?.OnReset(id);   // the end of the machine is no reset by the driver
                break;
        }
    }

    /// <summary>The device is as new. Under the lock.</summary>
    private void Forget()
    {
        _startWanted = _resetting = _allStarted = false;
        device.ForgetStates();
        latch.Clear();
        if (_late) log.Info("the reset is done after all");
        _late = false;
        resetDone();
        Monitor.PulseAll(Lock);
    }

    /// <summary>Under the lock, which is released while waiting.</summary>
    private bool AwaitStopped()
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
            latch.SetSilently();
            log.Warn($"the device did not stop within {deadline.TotalSeconds:0.##} s of its reset; the guest cannot use it until it does");
        }
    }

    /// <summary>Under the lock.</summary>
    private void WakeThread()
    {
        _threadWanted = true;
        Monitor.PulseAll(Lock);
        if (_thread is not null) return;
        _thread = new Thread(RunThread, maxStackSize: 256 * 1024) { Name = $"{id}_life", IsBackground = true };
        _thread.Start();
    }

    private void RunThread()
    {
        while (true)
        {
            lock (Lock)
            {
                while (!_threadWanted)
                {
                    if (Monitor.Wait(Lock, IdleThreadMs) || _threadWanted) continue;
                    _thread = null;
                    return;
                }

                _threadWanted = false;
            }

            Execute(mayWait: true);
        }
    }
}
