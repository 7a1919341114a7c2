using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The lifecycle's calls of a device, guarded: what a plugin throws latches the device and goes no further. Used by one thread at a time.
/// </summary>
[SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
internal sealed class VirtioDeviceCalls
{
    private readonly GuestMemory _memory;
    private readonly QueueDoorbells _doorbells;
    private readonly QueueInterrupt[] _interrupts;
    private readonly DeviceLatch _latch;
    private readonly QueueFault[] _faults;
    private readonly Virtqueue?[] _running;
    private readonly QueueState[] _states;
    private VirtioInstance _instance;
    private int _halfStarted = -1;   // the queue whose start threw

    public VirtioDeviceCalls(
        VirtioInstance instance, GuestMemory memory, QueueDoorbells doorbells, QueueInterrupt[] interrupts, DeviceLatch latch)
    {
        _instance = instance;
        _memory = memory;
        _doorbells = doorbells;
        _interrupts = interrupts;
        _latch = latch;
        _running = new Virtqueue?[interrupts.Length];
        _states = new QueueState[interrupts.Length];
        _faults = new QueueFault[interrupts.Length];
        for (int i = 0; i < _faults.Length; i++) _faults[i] = new QueueFault(latch, i);
    }

    /// <summary>The member of the device that runs now, for reports; null between calls. Any thread reads.</summary>
    public string? Current { get; private set; }

    /// <summary>What is called. Another one is put in its place only while no queue runs and no call is under way. Any thread may read it.</summary>
    public VirtioInstance Instance
    {
        get => Volatile.Read(ref _instance);
        set => Volatile.Write(ref _instance, value);
    }

    /// <summary>Whether a queue runs.</summary>
    public bool AnyRunning => _running.AsSpan().IndexOfAnyExcept((Virtqueue?)null) >= 0;

    /// <summary>Tells the device what was negotiated.</summary>
    /// <returns>False when it threw; no queue may be started then.</returns>
    public bool Activate(ulong features)
    {
        try
        {
            Current = nameof(IVirtioDevice.Activate);
            _instance.Device.Activate(features, _instance);
            return true;
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IVirtioDevice.Activate), e);
            return false;
        }
        finally
        {
            Current = null;
        }
    }

    /// <summary>Starts the enabled queues that do not run, where they stood.</summary>
    public void StartQueues(ReadOnlySpan<QueueSetup> setups, ulong features)
    {
        if (TryStartQueues(setups, features, out int failed) is { } error) _latch.Blame($"{nameof(IVirtioDevice.StartQueue)}({failed})", error);
    }

    /// <summary>As <see cref="StartQueues"/>; what the device throws is the caller's to tell.</summary>
    /// <param name="setups">The queues.</param>
    /// <param name="features">What was negotiated.</param>
    /// <param name="failed">The queue that could not be started.</param>
    /// <returns>What the device threw, or null. Queues before that one run.</returns>
    public Exception? TryStartQueues(ReadOnlySpan<QueueSetup> setups, ulong features, out int failed)
    {
        for (int i = 0; i < setups.Length; i++)
        {
            QueueSetup setup = setups[i];
            if (!setup.Enabled || _running[i] is not null) continue;
            if (!SplitVirtqueue.TryCreate(_memory, setup.Size, setup.Descriptors, setup.Driver, setup.Device, features, _states[i],
                _faults[i], out SplitVirtqueue? queue, out string? error))
            {
                _latch.Set($"queue {i} cannot start: {error}");
                continue;
            }

            // Before the call, so that a start that fails half-way is stopped too.
            _running[i] = queue;
            try
            {
                Current = nameof(IVirtioDevice.StartQueue);
                _instance.Device.StartQueue(i, new QueueResources
                {
                    Queue = queue,
                    Doorbell = _doorbells[i],
                    Interrupt = _interrupts[i],
                    Addresses = new RingAddresses(setup.Descriptors, setup.Driver, setup.Device),
                });
            }
            catch (Exception e)
            {
                failed = _halfStarted = i;
                return e;
            }
            finally
            {
                Current = null;
            }

            // What the driver made available before, or a kick that was taken just before a pause, must not wait for the next kick. Looked
            // at after the start: what comes later finds a queue that listens.
            if (queue.HasAvailable) _doorbells[i].Signal();
        }

        failed = -1;
        return null;
    }

    /// <summary>
    /// Stops the running queues where that takes no longer than this. Once it has been called they have to be stopped, by this or by
    /// <see cref="StopQueues"/>, before anything else.
    /// </summary>
    public StopOutcome TryStopQueues(TimeSpan patience)
    {
        if (_instance.StopsInTime is null) return AnyInFlight() ? StopOutcome.MustWait : StopQueues();

        // All are asked before one is waited for.
        bool stopped = true;
        for (int i = 0; i < _running.Length; i++)
        {
            if (_running[i] is not null) stopped &= TryStop(i, TimeSpan.Zero);
        }

        if (stopped || patience == TimeSpan.Zero) return stopped ? StopOutcome.Stopped : StopOutcome.MustWait;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < _running.Length; i++)
        {
            if (_running[i] is null) continue;
            TimeSpan left = patience - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !TryStop(i, left)) return StopOutcome.MustWait;
        }

        return StopOutcome.Stopped;
    }

    /// <summary>Stops the running queues and keeps where they stand. May take as long as the I/O in flight.</summary>
    /// <returns>Failed when a queue may still run: it can still write to guest memory.</returns>
    public StopOutcome StopQueues()
    {
        bool stopped = true;
        for (int i = 0; i < _running.Length; i++)
        {
            // A second try, as stopping is idempotent.
            if (_running[i] is not null && !TryStop(i) && !TryStop(i)) stopped = false;
        }

        return stopped ? StopOutcome.Stopped : StopOutcome.Failed;
    }

    /// <summary>Lets the device forget. No queue runs, so this counts as done also when the device throws.</summary>
    public void Reset()
    {
        try
        {
            Current = nameof(IVirtioDevice.Reset);
            _instance.Device.Reset();
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IVirtioDevice.Reset), e);
        }
        finally
        {
            Current = null;
        }
    }

    /// <summary>The queues start anew the next time.</summary>
    public void ForgetStates() => Array.Clear(_states);

    /// <summary>A look from aside, so a request may be taken just after it: a device that is no IStopsInTime is waited for then.</summary>
    private bool AnyInFlight()
    {
        foreach (Virtqueue? queue in _running)
        {
            if (queue is { InFlight: > 0 }) return true;
        }

        return false;
    }

    private bool TryStop(int queue, TimeSpan patience)
    {
        try
        {
            Current = nameof(IStopsInTime.TryStopQueue);
            if (!_instance.StopsInTime!.TryStopQueue(queue, patience, out QueueState state)) return false;
            Keep(queue, state);
            _running[queue] = null;
            return true;
        }
        catch (Exception e)
        {
            // Whoever waits for the queue tries StopQueue, which decides.
            _latch.Blame($"{nameof(IStopsInTime.TryStopQueue)}({queue})", e);
            return false;
        }
        finally
        {
            Current = null;
        }
    }

    private bool TryStop(int queue)
    {
        try
        {
            Current = nameof(IVirtioDevice.StopQueue);
            Keep(queue, _instance.Device.StopQueue(queue));
            _running[queue] = null;
            return true;
        }
        catch (Exception e)
        {
            _latch.Blame($"{nameof(IVirtioDevice.StopQueue)}({queue})", e);
            return false;
        }
        finally
        {
            Current = null;
        }
    }

    /// <summary>Keeps where a queue stands. One that never really started is where it was, whatever the device says of it; its ring object knows.</summary>
    private void Keep(int queue, QueueState state)
    {
        _states[queue] = queue == _halfStarted ? _running[queue]!.State : state;
        if (queue == _halfStarted) _halfStarted = -1;
    }
}
