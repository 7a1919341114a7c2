using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// One device whose code is exchanged while the guest uses it: another instance, made by another version of its plugin, goes on where this one stands.
/// <see cref="ExchangeRun"/> calls the steps, which call the plugins.
/// </summary>
internal sealed class DeviceExchange
{
    private readonly PluggedDevice _device;
    private readonly IDevicePlugin _plugin;
    private readonly DeviceRequest _request;
    private readonly DeviceHost _host;
    private readonly DeviceHost? _earlierHost;
    private readonly IDevice _earlier;
    private readonly ISnapshottable _state;
    private bool _stopped, _committed, _over;
    private IDevice? _successor;

    /// <summary>Prepares to exchange a device; does nothing to it yet.</summary>
    /// <param name="device">The device.</param>
    /// <param name="plugin">Makes its successor.</param>
    /// <param name="request">What the successor is to be.</param>
    /// <param name="host">The successor's world.</param>
    /// <exception cref="DeviceException">The device keeps no state for a successor.</exception>
    public DeviceExchange(PluggedDevice device, IDevicePlugin plugin, DeviceRequest request, DeviceHost host)
    {
        _device = device;
        _plugin = plugin;
        _request = request;
        _host = host;
        _earlier = device.Device;
        _earlierHost = device.Function.Host;
        _state = _earlier as ISnapshottable
            ?? throw new DeviceException($"device {device.Id} cannot go on with other code: it keeps no state for a successor (it is no {nameof(ISnapshottable)})");
    }

    /// <summary>The device as it is now; after a successful exchange with its successor's counters.</summary>
    public PluggedDevice Device => _committed ? _device with
    {
        Counters = _host.DeviceCounters,
        Plugin = _plugin,
        Request = _request,
        Threads = _host.Threads,
    } : _device;

    /// <summary>What the plugin is asked at the moment, for messages. Any thread.</summary>
    public string Call { get; private set; } = "";

    /// <summary>Stops the device where it stands.</summary>
    /// <exception cref="DeviceException">It does not stop in time.</exception>
    public void Stop(TimeSpan deadline)
    {
        Call = "stopping it";
        _stopped = true;   // before the call, which may not come back
        try
        {
            _device.Function.BeginExchange(deadline);
        }
        catch
        {
            _stopped = false;
            throw;
        }
    }

    /// <summary>Saves the device and makes its successor, which gets its descriptors.</summary>
    /// <returns>The successor; <see cref="Adopt"/> has to follow, or its disposal.</returns>
    /// <exception cref="Exception">The device cannot be saved, or the new code does not take it.</exception>
    public IDevice Make()
    {
        var inherited = new List<SafeHandle>();
        try
        {
            Call = nameof(ISnapshottable.Save);
            ReadOnlyMemory<byte> state = _state.Save();
            if (state.IsEmpty) throw new DeviceException("Save gave no state");
            Call = nameof(IHandsOver.Handover);
            if (_state is IHandsOver giver)
            {
                foreach (SafeHandle handle in giver.Handover) inherited.Add(Duplicate(handle));
            }

            Call = nameof(IDevicePlugin.Create);
            return _plugin.Create(new DeviceRequest
            {
                Id = _request.Id,
                Config = _request.Config,
                VcpuCount = _request.VcpuCount,
                Descriptors = _request.Descriptors,
                SavedState = state,
                Inherited = inherited,
            }, _host) ?? throw new DeviceException("Create made no device");
        }
        finally
        {
            foreach (SafeHandle handle in inherited) handle.Dispose();
        }
    }

    /// <summary>Tells the successor what was negotiated.</summary>
    /// <exception cref="Exception">It cannot take this device's place.</exception>
    public void Adopt(IDevice successor)
    {
        _successor = successor;   // before it may throw, so that it is disposed
        Call = "Activate or Attach";
        _device.Function.Adopt(successor);
        if (_host.Failure is { } failure) throw new DeviceException(failure);
    }

    /// <summary>Puts the successor in place and starts it.</summary>
    /// <exception cref="DeviceException">It cannot be started.</exception>
    public void Commit(TimeSpan deadline)
    {
        Call = "StartQueue";
        _committed = true;
        if (_device.Function.Commit(deadline) is { } error) throw new DeviceException(error);
        _host.OnFail(_device.Function.Blame);
    }

    /// <summary>Undoes <see cref="Commit"/>. Nothing to do when there was none.</summary>
    public void Revert()
    {
        if (!_committed) return;
        Call = "StopQueue";
        _committed = false;
        _host.OnFail(static _ => { });
        _device.Function.Revert();
    }

    /// <summary>A call of this device does not come back, and it is not known what it has done: the device is lost until the machine is reset.</summary>
    public void Lose(string reason)
    {
        _committed = false;
        _device.Function.Lose(reason);
    }

    /// <summary>Whichever instance is in place goes on. Once.</summary>
    public void End()
    {
        if (!_stopped || _over) return;
        Call = "going on";
        _over = true;
        if (_committed)
        {
            _earlierHost?.OnFail(static _ => { });
            _device.Function.Host = _host;
            if (_earlierHost is not null) _host.DeviceCounters.Continue(_earlierHost.DeviceCounters);
        }

        _device.Function.EndExchange();
    }

    /// <summary>Disposes the instance that is not in place. After the run, as the guest need not wait for it. Control loop.</summary>
    /// <param name="deadline">How long its calls may take.</param>
    /// <param name="log">Hears what goes wrong.</param>
    public void Clean(TimeSpan deadline, DeviceLog log)
    {
        IDevice? other = ReferenceEquals(_device.Device, _earlier) ? _successor : _earlier;
        if (other is null) return;
        string? error = null;
        if (ReferenceEquals(other, _earlier))
        {
            if (other is IHandsOver giver) BoundedCall.Run(nameof(IHandsOver.HandedOver), giver.HandedOver, deadline, out error);
            if (error is not null) log.Warn(error);
            if (_successor is IHandsOver taker) BoundedCall.Run(nameof(IHandsOver.TookOver), taker.TookOver, deadline, out error);
            if (error is not null) log.Warn(error);
        }

        BoundedCall.Run(nameof(IDisposable.Dispose), other.Dispose, deadline, out error);
        if (error is not null) log.Warn($"{error}; what the instance that is not in use holds may be lost");
    }

    /// <summary>What went wrong, with the device's name and what becomes of it.</summary>
    public DeviceException Refused(Exception reason) => new(
        $"device {_device.Id} goes on with its old code",
        reason as DeviceException ?? new DeviceException($"{Call} threw {reason.GetType().Name}: {reason.Message}", reason));

    private static FileDescriptor Duplicate(SafeHandle handle)
    {
        try
        {
            return FileDescriptor.Duplicate(handle);
        }
        catch (LinuxException e)
        {
            throw new DeviceException("what it holds cannot be handed over", e);
        }
    }
}
