using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
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
public sealed class Vmm : IDisposable
{
    private readonly IHypervisor _hypervisor;
    private readonly IDevicePlugins _plugins;
    private readonly HostTerminal _terminal;
    private readonly DeviceServices _services = new();
    private readonly RateLimitGroups _rateLimitGroups = new();
    private readonly ControlLoop _loop;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly DeviceLog _guestLog;   // over all resets: a guest that resets in a loop must not fill the disk
    private readonly bool _noShutdown;
    private VmConfig? _config;
    private MachineConsoles? _consoles;
    private VirtualMachine? _machine;
    private bool _paused;

    /// <summary>A VMM without a VM.</summary>
    public Vmm(IHypervisor hypervisor, IDevicePlugins plugins, HostTerminal terminal, ControlLoop loop, ILoggerFactory logs, bool noShutdown)
    {
        _hypervisor = hypervisor;
        _plugins = plugins;
        _terminal = terminal;
        _loop = loop;
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

    /// <summary>Runs a command that the policy has admitted.</summary>
    public object? Execute(VmmCommandKind kind, object? argument)
    {
        switch (kind)
        {
            case VmmCommandKind.Create:
                Create((VmConfig)argument!);
                return null;
            case VmmCommandKind.Boot:
                Boot();
                return null;
            case VmmCommandKind.Pause:
                _machine!.Pause();
                _paused = true;
                return null;
            case VmmCommandKind.Resume:
                _machine!.Resume();
                _paused = false;
                return null;
            case VmmCommandKind.Shutdown:
                Shutdown();
                return null;
            case VmmCommandKind.Reboot:
                Shutdown();
                Boot();
                return null;
            case VmmCommandKind.Delete:
                Delete();
                return null;
            case VmmCommandKind.PowerButton:
                _machine!.PressPowerButton();
                return null;
            case VmmCommandKind.Nmi:
                _machine!.InjectNmi();
                return null;
            case VmmCommandKind.Counters:
                return Counters();
            case VmmCommandKind.ShutdownVmm:
                Delete();
                return null;
            default:
                throw new VmmException($"{kind} is not a command");
        }
    }

    /// <summary>Takes a configuration and opens its consoles.</summary>
    public void Create(VmConfig config)
    {
        _consoles = ConsoleBuilder.Open(config, _terminal);
        if (_consoles.Serial?.Path is { } serial) _log.LogInformation("serial port: {Path}", serial);
        if (_consoles.Debug?.Path is { } debug) _log.LogInformation("debug console: {Path}", debug);
        _rateLimitGroups.Replace(config.RateLimitGroups, TimeProvider.System);
        _config = config;
    }

    /// <summary>Builds the machine and starts it; leaves nothing behind when that fails.</summary>
    public void Boot()
    {
        VmConfig config = _config!;
        _loop.Events.Clear();
        var machine = new VirtualMachine(
            MachineOptionsBuilder.From(config), _hypervisor, _consoles!, _services, _loop.Events, TimeProvider.System, _logs);
        try
        {
            foreach (DeviceSpec device in config.Devices)
            {
                if (device.Slot is { } slot) machine.ReserveSlot(device.Id, slot);
            }

            foreach (DeviceSpec device in config.Devices) AddDevice(machine, device, config);
            machine.Start();
        }
        catch
        {
            machine.Dispose();
            throw;
        }

        _machine = machine;
        _paused = false;
    }

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

        Shutdown();
        try
        {
            Boot();
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new VmmException("The VM could not reboot", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Delete();

    private int EndOnFatal(VcpuReport report)
    {
        _log.LogError("{Report}", report);
        Shutdown();
        return 1;
    }

    private void AddDevice(VirtualMachine machine, DeviceSpec device, VmConfig config)
    {
        IDevicePlugin plugin = _plugins.Load(device.Kind);
        var context = new ConfigContext
        {
            BootVcpus = (int)config.Cpus.BootVcpus,
            MemorySize = config.Memory.Size,
            SharedMemory = config.Memory.Shared || config.Memory.HugePages,
        };
        if (plugin is IConfigValidator validator && validator.Validate(device.Config, context) is { } error)
            throw new ConfigException("Failed to validate config", new ConfigException(error));

        PluggedDevice plugged = machine.AddDevice(plugin, new DeviceRequest
        {
            Id = device.Id,
            Config = device.Config,
            VcpuCount = (int)config.Cpus.BootVcpus,
        }, device.Slot);
        if (plugged.Function.Device is not ICompletesConfig completed) return;
        foreach ((string member, string value) in completed.CompletedConfig) _log.LogInformation("{Device}: {Member} {Value}", device.Id, member, value);
    }

    private Dictionary<string, IReadOnlyDictionary<string, ulong>> Counters()
    {
        var counters = new Dictionary<string, IReadOnlyDictionary<string, ulong>>();
        foreach (PluggedDevice device in _machine!.Devices) counters[device.Id] = device.Counters.Read();
        return counters;
    }

    private void Shutdown()
    {
        _machine?.Dispose();
        _machine = null;
        _paused = false;
        _loop.Events.Clear();
    }

    private void Delete()
    {
        Shutdown();
        _consoles?.Dispose();
        _consoles = null;
        _config = null;
    }
}
