using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine.Virtio;

/// <content>
/// Another instance of the device takes over where it stands. Between <see cref="Hold"/> and <see cref="EndHold"/> no queue runs that the host has not started here, and
/// nobody else calls the device: what the driver wants meanwhile, a reset too, is done afterwards. Called by one thread after the other.
/// </content>
internal sealed partial class VirtioLifecycle
{
    /// <summary>Whether the driver has activated the device, and what it negotiated. While the device is held.</summary>
    public bool IsActivated(out ulong features)
    {
        lock (Lock)
        {
            features = _features;
            return _activated;
        }
    }

    /// <summary>Stops all queues and keeps where they stand.</summary>
    /// <exception cref="DeviceException">The device did not stop in time; it goes on.</exception>
    public void Hold(TimeSpan deadline)
    {
        lock (Lock)
        {
            _held = true;
        }

        // Here where that does not take long: a change of threads would take longer.
        if (_device.Instance.StopsInTime is not null) Run();
        lock (Lock)
        {
            if (AwaitStopped(deadline)) return;
            _held = false;
        }

        Run();
        throw new DeviceException($"it did not stop its queues within {deadline.TotalSeconds:0.##} s");
    }

    /// <summary>Starts the queues of the instance that was put in place, where the driver wants them to run.</summary>
    /// <returns>What went wrong, or null. Then <see cref="StopSuccessor"/> has to follow.</returns>
    public string? StartSuccessor()
    {
        lock (Lock)
        {
            if (!_activated || !_startWanted || _paused || _resetting || _removing) return null;
        }

        return _device.TryStartQueues(_setups, _features, out int failed) is { } error
            ? $"{nameof(IVirtioDevice.StartQueue)}({failed}) threw {error.GetType().Name}: {error.Message}"
            : null;
    }

    /// <summary>Stops the queues of the instance that was put in place; the earlier one goes on where it leaves them.</summary>
    /// <returns>False when it does not stop: the device is lost.</returns>
    public bool StopSuccessor()
    {
        if (_device.StopQueues() == StopOutcome.Stopped) return true;
        Abandon();
        return false;
    }

    /// <summary>A call of the device does not come back: nothing more is done with it.</summary>
    public void Abandon()
    {
        lock (Lock) _dead = true;
    }

    /// <summary>Goes on with the instance that is in place.</summary>
    public void EndHold()
    {
        lock (Lock)
        {
            _anyRunning = _device.AnyRunning;
            if (_anyRunning) _allStarted = true;   // otherwise as it was: to be started, or nothing to start
            _held = false;
        }

        Run();
    }
}
