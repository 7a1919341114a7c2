using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// One device whose code is exchanged while the guest uses it: another instance, made by another version of its plugin, goes on where this one stands. Control loop.
/// </summary>
internal sealed class DeviceExchange
{
    private readonly PluggedDevice _device;
    private readonly IDevicePlugin _plugin;
    private readonly DeviceRequest _request;
    private readonly DeviceHost _host;
    private readonly TimeSpan _deadline;
    private readonly DeviceHost? _earlierHost;
    private readonly IDevice _earlier;
    private readonly ISnapshottable _state;
    private bool _stopped, _committed;
    private IDevice? _successor;

    /// <summary>Prepares to exchange a device; does nothing to it yet.</summary>
    /// <param name="device">The device.</param>
    /// <param name="plugin">Makes its successor.</param>
    /// <param name="request">What the successor is to be.</param>
    /// <param name="host">The successor's world.</param>
    /// <param name="deadline">How long each step may take.</param>
    /// <exception cref="DeviceException">The device keeps no state for a successor.</exception>
    public DeviceExchange(PluggedDevice device, IDevicePlugin plugin, DeviceRequest request, DeviceHost host, TimeSpan deadline)
    {
        _device = device;
        _plugin = plugin;
        _request = request;
        _host = host;
        _deadline = deadline;
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

    /// <summary>Exchanges devices, all or none. <see cref="Clean"/> each of them afterwards.</summary>
    /// <returns>How long they stood still.</returns>
    /// <exception cref="DeviceException">One of them cannot be exchanged; all go on as before.</exception>
    public static TimeSpan Run(List<DeviceExchange> exchanges)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            foreach (DeviceExchange exchange in exchanges) exchange.Stop();
            foreach (DeviceExchange exchange in exchanges) exchange.Prepare();
            foreach (DeviceExchange exchange in exchanges) exchange.Commit();
        }
        catch (DeviceException)
        {
            foreach (DeviceExchange exchange in exchanges) exchange.Revert();
            throw;
        }
        finally
        {
            foreach (DeviceExchange exchange in exchanges) exchange.End();
        }

        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Stops the device where it stands.</summary>
    /// <exception cref="DeviceException">It does not stop in time.</exception>
    private void Stop()
    {
        try
        {
            _device.Function.BeginExchange(_deadline);
            _stopped = true;
        }
        catch (DeviceException e)
        {
            throw Refused(e);
        }
    }

    /// <summary>Saves the device and makes its successor, which gets its descriptors and hears what was negotiated.</summary>
    /// <exception cref="DeviceException">The device cannot be saved, or the new code does not take it.</exception>
    private void Prepare()
    {
        var attempt = new Attempt();
        if (!BoundedCall.Run("Create", () => Make(attempt), _deadline, out string? _))
        {
            attempt.Abandon();
            throw Refused(new DeviceException($"{attempt.Step} did not return within {_deadline.TotalSeconds:0.##} s"));
        }

        _successor = attempt.Device;   // before it may throw, so that it is disposed
        if (attempt.Error is { } error) throw Refused(error is DeviceException ? error : new DeviceException($"{attempt.Step} threw {error.GetType().Name}: {error.Message}", error));
        if (_host.Failure is { } failure) throw Refused(new DeviceException(failure));
    }

    /// <summary>Puts the successor in place and starts it.</summary>
    /// <exception cref="DeviceException">It cannot be started.</exception>
    private void Commit()
    {
        _committed = true;
        if (_device.Function.Commit(_deadline) is { } error) throw Refused(new DeviceException(error));
        _host.OnFail(_device.Function.Blame);
    }

    /// <summary>Undoes <see cref="Commit"/>.</summary>
    private void Revert()
    {
        if (!_committed) return;
        _committed = false;
        _host.OnFail(static _ => { });
        _device.Function.Revert(_deadline);
    }

    /// <summary>Whichever instance is in place goes on.</summary>
    private void End()
    {
        if (!_stopped) return;
        if (_committed)
        {
            _earlierHost?.OnFail(static _ => { });
            _device.Function.Host = _host;
            if (_earlierHost is not null) _host.DeviceCounters.Continue(_earlierHost.DeviceCounters);
        }

        _device.Function.EndExchange();
    }

    /// <summary>Disposes the instance that is not in place. After <see cref="End"/>, as the guest need not wait for it.</summary>
    /// <param name="log">Hears what goes wrong.</param>
    public void Clean(DeviceLog log)
    {
        IDevice? other = ReferenceEquals(_device.Device, _earlier) ? _successor : _earlier;
        if (other is null) return;
        string? error = null;
        if (ReferenceEquals(other, _earlier) && other is IHandsOver giver) BoundedCall.Run(nameof(IHandsOver.HandedOver), giver.HandedOver, _deadline, out error);
        if (error is not null) log.Warn(error);
        BoundedCall.Run(nameof(IDisposable.Dispose), other.Dispose, _deadline, out error);
        if (error is not null) log.Warn($"{error}; what the instance that was replaced holds may be lost");
    }

    /// <summary>On a thread of its own.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends this exchange and nothing else")]
    private void Make(Attempt attempt)
    {
        var inherited = new List<SafeHandle>();
        try
        {
            attempt.Step = nameof(ISnapshottable.Save);
            ReadOnlyMemory<byte> state = _state.Save();
            if (state.IsEmpty) throw new DeviceException("Save gave no state");
            attempt.Step = nameof(IHandsOver.Handover);
            if (_state is IHandsOver giver)
            {
                foreach (SafeHandle handle in giver.Handover) inherited.Add(Duplicate(handle));
            }

            attempt.Step = nameof(IDevicePlugin.Create);
            IDevice device = _plugin.Create(new DeviceRequest
            {
                Id = _request.Id,
                Config = _request.Config,
                VcpuCount = _request.VcpuCount,
                Descriptors = _request.Descriptors,
                SavedState = state,
                Inherited = inherited,
            }, _host) ?? throw new DeviceException("Create made no device");
            if (!attempt.Offer(device))
            {
                device.Dispose();   // it came too late
                return;
            }

            attempt.Step = "Activate or Attach";
            _device.Function.Adopt(device);
        }
        catch (Exception e)
        {
            attempt.Error = e;
        }
        finally
        {
            foreach (SafeHandle handle in inherited) handle.Dispose();
        }
    }

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

    private DeviceException Refused(Exception reason) => new($"device {_device.Id} goes on with its old code", reason);

    /// <summary>What became of making a successor. Two threads, when the time is over.</summary>
    private sealed class Attempt
    {
        private readonly Lock _lock = new();
        private bool _abandoned;
        private volatile string _step = "";

        public string Step
        {
            get => _step;
            set => _step = value;
        }

        public IDevice? Device { get; private set; }

        public Exception? Error { get; set; }

        public bool Offer(IDevice device)
        {
            lock (_lock)
            {
                if (!_abandoned) Device = device;
                return !_abandoned;
            }
        }

        public void Abandon()
        {
            lock (_lock) _abandoned = true;
        }
    }
}
