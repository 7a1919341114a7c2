using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
using Plugvisor.Control.Events;
using Plugvisor.Hypervisor;
using Plugvisor.Machine;
using Plugvisor.Machine.Consoles;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Control;

/// <summary>
/// The VMM's one VM: its configuration, its consoles and, while it is booted, its machine. Used by the control loop only, and before the loop
/// runs by the start of the process.
/// </summary>
public sealed partial class Vmm : IDisposable
{
    private readonly IHypervisor _hypervisor;
    private readonly IDevicePlugins _plugins;
    private readonly PluginThread _pluginThread = new();
    private readonly HostTerminal _terminal;
    private readonly DeviceServices _services = new();
    private readonly RateLimitGroups _rateLimitGroups = new();
    private readonly ControlLoop _loop;
    private readonly EventHub _events;
    private readonly DeviceEvents _deviceEvents;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly DeviceLog _guestLog;   // over all resets: a guest that resets in a loop must not fill the disk
    private readonly bool _noShutdown;
    private VmConfig? _config;
    private MachineConsoles? _consoles;
    private VirtualMachine? _machine;
    private bool _paused;
    private uint _nextNumber;   // of generated ids; one counter for the life of a machine, so that an id means one device

    /// <summary>A VMM without a VM.</summary>
    public Vmm(
        IHypervisor hypervisor, IDevicePlugins plugins, HostTerminal terminal, ControlLoop loop, EventHub events, ILoggerFactory logs,
        bool noShutdown)
    {
        _hypervisor = hypervisor;
        _plugins = plugins;
        _terminal = terminal;
        _loop = loop;
        _events = events;
        _deviceEvents = new DeviceEvents(events, TimeProvider.System);
        loop.Events.GuestEventHandler = (name, properties) => events.Publish("guest", name, properties);
        loop.Events.TerminateHandler = _pluginThread.Abandon;
        _logs = logs;
        _log = logs.CreateLogger<Vmm>();
        _guestLog = new DeviceLog("guest", _log, TimeProvider.System);
        _noShutdown = noShutdown;
        _services.Add(terminal);
        _services.Add(_rateLimitGroups);
    }

    /// <summary>Where the VM stands.</summary>
    public VmState State => _config is null ? VmState.None
        : _machine is null ? VmState.Created
        : _paused ? VmState.Paused : VmState.Running;

    /// <summary>Whether the process was asked to end, so that what did not work may be for that.</summary>
    public bool IsEnding => _loop.Events.IsTerminating;

    /// <summary>Takes a configuration and opens its consoles.</summary>
    public void Create(VmConfig config)
    {
        foreach (DeviceSpec device in config.Devices) RequirePlugin(device);
        _consoles = ConsoleBuilder.Open(config, _terminal);
        if (_consoles.Serial?.Path is { } serial) config = WithPath(config, HostSections.Serial, "serial port", serial);
        if (_consoles.Debug?.Path is { } debug) config = WithPath(config, HostSections.DebugConsole, "debug console", debug);
        _rateLimitGroups.Replace(config.RateLimitGroups, TimeProvider.System);
        _config = config;
    }

    /// <summary>Builds the machine and starts it; leaves nothing behind when that fails.</summary>
    public void Boot()
    {
        Tell("booting");
        VmConfigPlan plan = Plan(_config!);
        VmConfig config = plan.Config;
        _loop.Events.Clear();
        var machine = new VirtualMachine(
            MachineOptionsBuilder.From(config), _hypervisor, _consoles!, _services, _loop.Events, TimeProvider.System, _logs)
        {
            DeviceListener = _deviceEvents,
            Plugins = _pluginThread,
        };
        try
        {
            foreach (DeviceSpec device in plan.Devices)
            {
                if (device.Slot is { } slot) machine.ReserveSlot(device.Id!, slot);
            }

            foreach (DeviceSpec device in plan.Devices) (config, _) = MakeDevice(machine, device, config, isHot: false);
            machine.Start();
        }
        catch
        {
            machine.Dispose();
            throw;
        }

        _config = config;
        _machine = machine;
        _paused = false;
        _nextNumber = plan.NextNumber;
        Tell("booted");
    }

    /// <summary>Stops vCPUs and devices where they are.</summary>
    public void Pause()
    {
        Tell("pausing");
        try
        {
            _machine!.Pause();
        }
        catch (Exception e) when (e is HypervisorException or DeviceException)
        {
            throw new VmmException("Cannot pause VM", e);
        }

        _paused = true;
        Tell("paused");
    }

    /// <summary>Goes on after a pause.</summary>
    public void Resume()
    {
        Tell("resuming");
        _machine!.Resume();
        _paused = false;
        Tell("resumed");
    }

    /// <summary>Takes the machine apart; the configuration stays.</summary>
    public void Shutdown()
    {
        if (_machine is null)
        {
            _loop.Events.Clear();
            return;
        }

        // Who waits for the guest to let go of a device waits no longer than there is a guest.
        PluggedDevice[] leaving = [.. _machine.Leaving, .. _machine.Devices.Where(IsLeaving)];
        _machine.Dispose();
        _machine = null;
        _paused = false;
        _loop.Events.Clear();
        foreach (PluggedDevice device in leaving) TellRemoved(device);
        Tell("shutdown");
    }

    /// <summary>Builds the machine anew.</summary>
    public void Reboot()
    {
        Tell("rebooting");
        Shutdown();
        Boot();
        Tell("rebooted");
    }

    /// <summary>Drops the configuration, after a shutdown when the machine runs. May be repeated.</summary>
    public void Delete()
    {
        Shutdown();
        _consoles?.Dispose();
        _consoles = null;
        if (_config is null) return;
        foreach (DeviceSpec device in _config.Devices) Close(device);
        _config = null;
        Tell("deleted");
    }

    /// <summary>Presses the power button.</summary>
    public void PressPowerButton() => _machine!.PressPowerButton();

    /// <summary>Injects a non-maskable interrupt into every vCPU.</summary>
    public void InjectNmi() => _machine!.InjectNmi();

    /// <summary>What the devices counted, by device id. Devices that count nothing are left out.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, ulong>> ReadCounters()
    {
        var counters = new Dictionary<string, IReadOnlyDictionary<string, ulong>>();
        foreach (PluggedDevice device in _machine!.Devices)
        {
            IReadOnlyDictionary<string, ulong> values = ReadCounters(device);
            if (values.Count > 0) counters[device.Id] = values;
        }

        return counters;
    }

    /// <summary>Looks after devices that hold a vCPU. About once a second.</summary>
    internal void LookAfterDevices() => _machine?.LookAfterDevices();

    /// <summary>What there is to know of the VM.</summary>
    public VmInfo Describe() => new(_config!, _plugins.Kinds, State, _config!.Memory.Size - HeldByBalloons(_config.Memory.Size)) { DeviceTree = _machine?.DescribeTree() };

    /// <summary>Does what the guest asked for.</summary>
    /// <returns>The process's exit code when the VMM is to end.</returns>
    internal int? HandleGuestEvents(GuestEvents events)
    {
        if (events.IsTerminating)
        {
            Delete();
            return 0;
        }

        if (_machine is null)
        {
            events.Clear();
            return null;
        }

        // First what the guest did first: one that ejects a device and powers off has ejected it.
        if (events.TakeEjected() is var slots and not 0) TakeOutEjected(slots);
        if (events.TakeRemoved()) TakeRemoved();
        if (events.TakeFatal() is { } report) return EndOnFatal(report);
        if (events.TakePowerOff())
        {
            _log.LogInformation("the guest powered off");
            Shutdown();
            return _noShutdown ? null : 0;
        }

        if (events.TakeFault() is { } fault) _guestLog.GuestTriggered($"{fault}; the machine is reset");
        else if (events.TakeReset() is { } cause) _log.LogInformation("the guest reset itself: {Cause}", cause);
        else return null;

        try
        {
            Reboot();
            return null;
        }
        catch (Exception) when (events.IsTerminating)
        {
            // The signal came while devices were being made, which is not waited for then.
            Delete();
            return 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new VmmException("The VM could not reboot", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Delete();
        _pluginThread.Dispose();
        _deviceEvents.Dispose();
    }

    private int EndOnFatal(VcpuReport report)
    {
        _log.LogError("{Report}", report);
        Shutdown();
        return 1;
    }

    private void Tell(string what) => _events.Publish("vm", what);

    private static VmConfigPlan Plan(VmConfig config, IReadOnlyList<string>? taken = null, uint firstNumber = 0)
    {
        try
        {
            return VmConfigPlan.Make(config, taken, firstNumber);
        }
        catch (ConfigException e)
        {
            throw Invalid(e);
        }
    }

    private static VmmException Invalid(ConfigException e) => new(
        e is ConfigConflictException ? VmmErrorKind.Conflict : VmmErrorKind.InvalidConfig, "Failed to validate config", e);

    private VmConfig WithPath(VmConfig config, HostSection section, string what, string path)
    {
        _log.LogInformation("{What}: {Path}", what, path);
        return config.With(section, section.Schema!.With((config.Given(section) ?? section.Default)!.Value, "file", path));
    }
}
