using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Acpi;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Consoles;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Hotplug;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Plugvisor.Machine.Vcpus;
using Plugvisor.Machine.Virtio;

namespace Plugvisor.Machine;

/// <summary>
/// One machine from power-on to power-off. A reset is a new one. All members are called by one owner, the control loop;
/// what the guest asks for goes to the <see cref="IMachineListener"/>.
/// </summary>
public sealed partial class VirtualMachine : IVcpuEvents, IDisposable
{
    private readonly MachineOptions _options;
    private readonly IMachineListener _listener;
    private readonly ILogger _log;
    private readonly IVm _vm;
    private readonly GuestRam _ram;
    private readonly Bus _ports = new();
    private readonly Bus _mmio = new();
    private readonly MsiRouter _router;
    private readonly GuestMappings _mappings;
    private readonly DeviceMemory _deviceMemory;
    private readonly MachineConsoles _consoles;
    private readonly Board _board;
    private readonly PciRoot _pci;
    private readonly VirtioPciEnvironment _virtio;
    private readonly DeviceServices _services;
    private readonly MachineControl _control;
    private readonly TimeProvider _clock;
    private readonly ILoggerFactory _logs;
    private readonly List<PluggedDevice> _devices = [];
    private readonly VcpuGroup _vcpus;
    private bool _isPaused;
    private bool _stuck;   // a device that was removed may still use guest memory

    /// <summary>Builds a machine without devices that plug in.</summary>
    /// <exception cref="GuestRamException">The host cannot give the memory.</exception>
    /// <exception cref="HypervisorException">The kernel refuses something.</exception>
    public VirtualMachine(
        MachineOptions options, IHypervisor hypervisor, MachineConsoles consoles, DeviceServices services, IMachineListener listener,
        TimeProvider clock, ILoggerFactory logs)
    {
        _clock = clock;
        _logs = logs;
        _options = options;
        _listener = listener;
        _consoles = consoles;
        _log = logs.CreateLogger<VirtualMachine>();
        _control = new MachineControl(listener, clock, new DeviceLog("guest", _log, clock));
        _services = new DeviceServices(services);
        _services.Add(_control);
        Map = new MemoryMap(
            options.MemorySize, HostAddressWidth.Limit(options.MaxPhysicalAddressBits), options.HotplugSize, options.AcpiMemoryHotplug);
        _vm = hypervisor.CreateVm();
        try
        {
            _ram = GuestRam.Allocate(Map, options.Ram);
            _ram.MapInto(_vm);
            _services.Add(new GuestPages(_ram));
            _router = new MsiRouter(_vm);
            _mappings = new GuestMappings(_vm, new DeviceLog("memory", _log, clock));
            _board = new Board(_ports, _mmio, _vm, _router, Map, options, consoles, listener, clock, _log);
            _pci = new PciRoot(_ports, _mmio);
            _pci.AddSegment(new PciApertures(Map.Window32, Map.Window64, PciRoot.PortWindow), new DeviceLog("pci", _log, clock));
            _board.PciHotplug.Hide = (segment, slot) => _pci.Segments[segment].Hide(slot);
            _deviceMemory = new DeviceMemory(Map.Window64, _mappings, _mmio, _pci.Segments[0]);
            _services.Add(_deviceMemory);
            _virtio = new VirtioPciEnvironment { Vm = _vm, Router = _router, Memory = _ram.Memory, Mappings = _mappings };
            _vcpus = new VcpuGroup(MakeVcpus());
            _vcpus.Start();   // they are made while devices and the kernel are loaded
        }
        catch
        {
            _vm.Dispose();
            _ram?.Dispose();
            throw;
        }
    }

    /// <summary>Where everything lies.</summary>
    public MemoryMap Map { get; }

    /// <summary>Runs what plugins do while the owner waits.</summary>
    public PluginThread Plugins { get; init; } = new();

    /// <summary>Hears of devices that are activated and reset. Set before the first <see cref="AddDevice"/>.</summary>
    public IDeviceListener? DeviceListener
    {
        get => _virtio.Listener;
        set => _virtio.Listener = value;
    }

    /// <summary>The devices that plug in, in the order in which they came.</summary>
    public IReadOnlyList<PluggedDevice> Devices => _devices;

    /// <summary>
    /// The machine's tree of devices as it is now, as <c>vm.info</c> shows it: what is soldered on, then what plugs in.
    /// </summary>
    public IReadOnlyList<DeviceTreeNode> DescribeTree()
    {
        var nodes = new List<DeviceTreeNode>();
        foreach (string id in _board.DeviceIds) nodes.Add(new DeviceTreeNode(id));
        foreach (PluggedDevice device in _devices)
        {
            IReadOnlyList<AddressRange> memory = _deviceMemory.RangesOf(device.Id);
            foreach (DeviceTreeNode node in device.Function.DescribeTree())
                nodes.Add(memory.Count > 0 && node.Id == device.Id ? node with { Memory = memory } : node);
        }

        return nodes;
    }

    /// <summary>Keeps a slot for a device that asks for it by number, so that no other takes it before.</summary>
    /// <exception cref="MachineException">Two ask for the same one.</exception>
    public void ReserveSlot(string id, int slot)
    {
        if (!_pci.Segments[0].TryReserve(slot)) throw new MachineException($"PCI slot {slot} of {id} is taken by another device");
    }

    /// <summary>Makes a device of a plugin and puts it on the bus.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="request">What the device is to be.</param>
    /// <param name="slot">The slot that was asked for, or null.</param>
    /// <param name="name">What the catalog calls the plugin, for reports.</param>
    /// <exception cref="DeviceException">The plugin cannot make it, or there is no room on the bus.</exception>
    public PluggedDevice AddDevice(IDevicePlugin plugin, DeviceRequest request, int? slot, string name)
    {
        DeviceLog log = LogOf(plugin, request, name);
        var host = new DeviceHost(request.Id, _ram.Memory, log, _clock, _services);
        DeviceFunction function = Make(plugin, request, host, log);
        function.Host = host;
        host.OnFail(function.Blame);
        if (!_pci.Segments[0].TryAdd(function, slot, out string? error))
        {
            function.Dispose();
            throw new DeviceException($"device {request.Id}: {error}");
        }

        var plugged = new PluggedDevice(request.Id, 0, function.Slot, host.DeviceCounters, function)
        {
            Plugin = plugin,
            PluginName = name,
            Request = request,
            Threads = host.Threads,
        };
        _devices.Add(plugged);
        return plugged;
    }

    /// <summary>Makes a device of a plugin, puts it on the bus and tells the guest of it.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="request">What the device is to be.</param>
    /// <param name="slot">The slot that was asked for, or null.</param>
    /// <param name="name">What the catalog calls the plugin, for reports.</param>
    /// <exception cref="DeviceException">The plugin cannot make it, or there is no room on the bus.</exception>
    public PluggedDevice HotPlug(IDevicePlugin plugin, DeviceRequest request, int? slot, string name)
    {
        PluggedDevice device = AddDevice(plugin, request, slot, name);
        if (_isPaused) device.Function.Pause();
        _board.PciHotplug.Inserted(device.Segment, device.Slot);
        _board.GenericEvents.Notify(GenericEvent.Pci);
        return device;
    }

    /// <summary>Loads the payload and starts the vCPUs.</summary>
    /// <exception cref="BootException">The payload cannot be booted.</exception>
    /// <exception cref="HypervisorException">The kernel refuses a vCPU.</exception>
    public void Start()
    {
        BootState boot = BootLoader.Load(_options.Payload, _ram.Memory, Map);
        WriteTables();
        _vcpus.WaitReady();
        _vcpus.Threads[0].Invoke(boot.Apply);
        _log.LogInformation("entering the guest");
        _vcpus.Resume();
    }

    /// <summary>Stops the vCPUs, then the devices, each where it is.</summary>
    /// <exception cref="HypervisorException">A vCPU does not leave the guest in time; everything goes on then.</exception>
    /// <exception cref="DeviceException">A device does not stop in time; everything goes on then.</exception>
    public void Pause()
    {
        try
        {
            _vcpus.Pause();
        }
        catch (HypervisorException e)
        {
            _vcpus.Resume();
            foreach (PluggedDevice device in _devices)
            {
                if (device.Function.DescribeCall() is { } call) throw new HypervisorException($"{e.Message} (device {device.Id}, {call})", e);
            }

            throw;
        }

        _isPaused = true;
        int paused = 0;
        try
        {
            for (; paused < _devices.Count; paused++) _devices[paused].Function.Pause();
        }
        catch (DeviceException)
        {
            // The one that failed goes on by itself.
            for (int i = 0; i < paused; i++) _devices[i].Function.Resume();
            _isPaused = false;
            _vcpus.Resume();
            throw;
        }
    }

    /// <summary>Goes on after a pause: devices first, so that no doorbell finds nobody.</summary>
    public void Resume()
    {
        foreach (PluggedDevice device in _devices) device.Function.Resume();
        _isPaused = false;
        _vcpus.Resume();
    }

    /// <summary>Injects a non-maskable interrupt into every vCPU.</summary>
    public void InjectNmi() => _vcpus.InjectNmi();

    /// <summary>Tells the guest that the power button was pressed.</summary>
    public void PressPowerButton() => _board.GenericEvents.Notify(GenericEvent.PowerButton);

    /// <inheritdoc/>
    void IVcpuEvents.OnReset(VcpuReport report) => _listener.OnFault(report);

    /// <inheritdoc/>
    void IVcpuEvents.OnShutdown(VcpuReport report) => _listener.OnPowerOff();

    /// <inheritdoc/>
    void IVcpuEvents.OnFatal(VcpuReport report) => _listener.OnFatal(report);

    /// <summary>Stops everything and gives everything back, in the order that nobody uses what is gone.</summary>
    public void Dispose()
    {
        bool quiet = _vcpus.Stop();
        _control.Close();
        if (!quiet) _log.LogError("a vCPU does not stop; what it holds is not given back");
        if (quiet) _vm.EndGuest();
        foreach (PluggedDevice device in _devices)
        {
            if (device.Function.Remove()) continue;
            _log.LogError("device {Id} does not stop; what it holds is not given back", device.Id);
            quiet = false;
        }

        foreach (DeviceRemoval removal in _removals) _stuck |= !TryEnd(removal);
        _consoles.Serial?.Connect(null);
        _vm.Dispose();
        // Last, because vCPUs and devices hold pointers into it; and not at all while one of them may still use them.
        if (quiet && !_stuck) _ram.Dispose();
    }

    /// <summary>Looks whether a vCPU hangs in a device. Control loop, about once a second while the machine runs.</summary>
    public void LookAfterDevices()
    {
        foreach (PluggedDevice device in _devices) device.Function.LookAfter();
    }

    private DeviceLog LogOf(IDevicePlugin plugin, DeviceRequest request, string? name) =>
        new(request.Id, _logs.CreateLogger(plugin.GetType().Namespace ?? request.Id), _clock) { Plugin = name };

    private void WriteTables()
    {
        var machine = new MachineDescription(
            Map, (int)_options.BootVcpus, (int)_options.MaxVcpus, [new PciSegmentDescription(0, Map.Window32, Map.Window64)])
        {
            Topology = _options.Topology,
            HasSerial = _consoles.Serial is not null,
        };
        FirmwareTables.Write(machine, _options.Smbios, _ram.Memory);
    }

    private VcpuThread[] MakeVcpus()
    {
        var wiring = new VcpuWiring(_ports, _mmio, _ram.Memory, _board.Ioapic.EndOfInterrupt, this) { MemoryFault = _mappings.Mend };
        var setup = new VcpuSetup(
            _options.MaxVcpus, Map.PhysicalAddressBits, _options.Topology, _options.NestedVirtualization, _options.Amx);
        var cores = new CoreSharingGroup(_options.CoreSharing);
        var threads = new VcpuThread[_options.BootVcpus];
        for (int i = 0; i < threads.Length; i++)
        {
            uint apicId = ApicIds.Of((uint)i, _options.Topology);
            _ = _options.Affinity.TryGetValue(i, out int[]? hostCpus);
            threads[i] = new VcpuThread(i, () => Create(apicId, setup, cores), wiring, hostCpus);
        }

        return threads;
    }

    private IVcpu Create(uint apicId, VcpuSetup setup, CoreSharingGroup cores)
    {
        cores.Join();
        IVcpu vcpu = _vm.CreateVcpu(apicId);
        vcpu.Initialize(setup);
        return vcpu;
    }
}
