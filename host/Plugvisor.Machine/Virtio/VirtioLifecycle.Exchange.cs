using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine.Virtio;

/// <content>
/// Another instance of the device takes over where it stands. Between <see cref="Hold"/> and <see cref="EndHold"/> no queue runs that the host has not started here, and
/// nobody else calls the device: what the driver wants meanwhile, a reset too, is done afterwards. All on the control loop's thread, or on one that it waits for.
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
            if (AwaitStopped(deadline)) return;
            _held = false;
        }

        Run();
        throw new DeviceException($"it did not stop its queues within {deadline.TotalSeconds:0.##} s");
    }

    /// <summary>Puts another instance in place and starts its queues, where the driver wants them to run.</summary>
    /// <returns>What went wrong, or null. Then <see cref="Revert"/> has to follow.</returns>
    public string? Exchange(VirtioInstance successor)
    {
        bool start;
        lock (Lock) start = _activated && _startWanted && !_paused && !_resetting && !_removing;
        _device.Instance = successor;
        if (!start) return null;
        return _device.TryStartQueues(_setups, _features, out int failed) is { } error
            ? $"{nameof(IVirtioDevice.StartQueue)}({failed}) threw {error.GetType().Name}: {error.Message}"
            : null;
    }

    /// <summary>Puts the earlier instance back. Queues that the later one served go on where it leaves them.</summary>
    /// <returns>False when the later one does not stop: the device is lost.</returns>
    public bool Revert(VirtioInstance earlier)
    {
        bool stopped = _device.StopQueues() == StopOutcome.Stopped;
        if (stopped) _device.Instance = earlier;
        else Abandon();
        return stopped;
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
