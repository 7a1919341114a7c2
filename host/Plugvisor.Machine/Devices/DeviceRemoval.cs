using Plugvisor.Linux.Threads;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// A device that is off its bus and on its way out. It stops and is disposed on a thread of its own: a plugin that does not return there, or a disk whose host does not answer, keeps
/// nobody waiting but what the device holds. For the control loop.
/// </summary>
internal sealed class DeviceRemoval
{
    // Most devices are gone in a millisecond or two.
    private static readonly TimeSpan s_briefly = TimeSpan.FromMilliseconds(200);

    private readonly WaitFlag _done = new();
    private bool _stopped;
    private bool? _released;

    private DeviceRemoval(PluggedDevice device) => Device = device;

    /// <summary>The device.</summary>
    public PluggedDevice Device { get; }

    /// <summary>Whether it has stopped, or was given up.</summary>
    public bool IsDone => _done.IsSet;

    /// <summary>Takes a device off its bus, begins to stop it, and waits a little.</summary>
    /// <param name="device">The device.</param>
    /// <param name="done">Called on another thread when it is done, also when it was quick.</param>
    public static DeviceRemoval Begin(PluggedDevice device, Action done)
    {
        var removal = new DeviceRemoval(device);
        device.Function.Disconnect();
        var thread = new Thread(() =>
        {
            removal._stopped = device.Function.StopDisconnected();
            removal._done.Set();
            done();
        }, maxStackSize: 256 * 1024)
        {
            Name = $"{device.Id}_remove",
            IsBackground = true,
        };
        thread.UnsafeStart();
        removal._done.TryWait(s_briefly, TimeSpan.Zero);
        return removal;
    }

    /// <summary>Waits until it is done, which its deadlines bound, and gives back what the device held.</summary>
    /// <returns>False when it did not stop: what it may still use is kept.</returns>
    public bool End()
    {
        _done.Wait();
        if (_released is null)
        {
            _released = _stopped;
            if (_stopped) Device.Function.ReleaseStopped();
        }

        return _released.Value;
    }
}
