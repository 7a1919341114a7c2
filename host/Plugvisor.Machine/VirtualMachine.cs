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
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine;

/// <summary>
/// One machine from power-on to power-off. A reset is a new one. All members are called by one owner, the control loop;
/// what the guest asks for goes to the <see cref="IMachineListener"/>.
/// </summary>
public sealed class VirtualMachine : IVcpuEvents, IDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(2);

    private readonly MachineOptions _options;
    private readonly IMachineListener _listener;
    private readonly ILogger _log;
    private readonly IVm _vm;
    private readonly GuestRam _ram;
    private readonly Bus _ports = new();
    private readonly Bus _mmio = new();
    private readonly MsiRouter _router;
    private readonly MachineConsoles _consoles;
    private readonly Board _board;
    private readonly PciRoot _pci;
    private readonly VirtioPciEnvironment _virtio;
    private readonly DeviceServices _services;
    private readonly TimeProvider _clock;
    private readonly ILoggerFactory _logs;
    private readonly List<PluggedDevice> _devices = [];
    private readonly List<VcpuThread> _vcpus = [];

    /// <summary>Builds a machine without devices that plug in.</summary>
    /// <exception cref="GuestRamException">The host cannot give the memory.</exception>
    /// <exception cref="HypervisorException">The kernel refuses something.</exception>
    public VirtualMachine(
        MachineOptions options, IHypervisor hypervisor, MachineConsoles consoles, DeviceServices services, IMachineListener listener,
        TimeProvider clock, ILoggerFactory logs)
    {
        _services = services;
        _clock = clock;
        _logs = logs;
        _options = options;
        _listener = listener;
        _consoles = consoles;
        _log = logs.CreateLogger<VirtualMachine>();
        Map = new MemoryMap(
            options.MemorySize, HostAddressWidth.Limit(options.MaxPhysicalAddressBits), options.HotplugSize, options.AcpiMemoryHotplug);
        _vm = hypervisor.CreateVm();
        try
        {
            _ram = GuestRam.Allocate(Map, options.Ram);
            _ram.MapInto(_vm);
            _router = new MsiRouter(_vm);
            _board = new Board(_ports, _mmio, _vm, _router, Map, options, consoles, listener, clock, _log);
            _pci = new PciRoot(_ports, _mmio);
            _pci.AddSegment(new PciApertures(Map.Window32, Map.Window64), new DeviceLog("pci", _log, clock));
            _virtio = new VirtioPciEnvironment { Vm = _vm, Router = _router, Memory = _ram.Memory };
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

    /// <summary>The devices that plug in, in the order in which they came.</summary>
    public IReadOnlyList<PluggedDevice> Devices => _devices;

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
    /// <exception cref="DeviceException">The plugin cannot make it, or there is no room on the bus.</exception>
    public PluggedDevice AddDevice(IDevicePlugin plugin, DeviceRequest request, int? slot)
    {
        var log = new DeviceLog(request.Id, _logs.CreateLogger(plugin.GetType().Namespace ?? request.Id), _clock);
        var host = new DeviceHost(request.Id, _ram.Memory, log, _clock, _services);
        IDevice device = plugin.Create(request, host);
        if (device is not IVirtioDevice virtio)
        {
            device.Dispose();
            throw new DeviceException($"device {request.Id}: its plugin made a {device.GetType().Name}, which is no device this host has a bus for");
        }

        var function = new VirtioPciDevice(request.Id, virtio, _virtio, log);
        host.OnFail(function.NeedsReset);
        if (!_pci.Segments[0].TryAdd(function, slot, out string? error))
        {
            function.Dispose();
            throw new DeviceException($"device {request.Id}: {error}");
        }

        var plugged = new PluggedDevice(request.Id, 0, function.Slot, host.DeviceCounters, function);
        _devices.Add(plugged);
        return plugged;
    }

    /// <summary>Loads the payload and starts the vCPUs.</summary>
    /// <exception cref="BootException">The payload cannot be booted.</exception>
    /// <exception cref="HypervisorException">The kernel refuses a vCPU.</exception>
    public void Start()
    {
        StartVcpus();
        BootState boot = BootLoader.Load(_options.Payload, _ram.Memory, Map);
        WriteTables();
        foreach (VcpuThread vcpu in _vcpus) vcpu.WaitReady();
        _vcpus[0].Invoke(boot.Apply);
        _log.LogInformation("entering the guest");
        foreach (VcpuThread vcpu in _vcpus) vcpu.Resume();
    }

    /// <summary>Stops the vCPUs, then the devices, each where it is.</summary>
    /// <exception cref="MachineException">A vCPU does not leave the guest in time; everything goes on then.</exception>
    public void Pause()
    {
        foreach (VcpuThread vcpu in _vcpus) vcpu.RequestPause();
        foreach (VcpuThread vcpu in _vcpus)
        {
            if (vcpu.WaitPaused(PauseLimit)) continue;
            foreach (VcpuThread other in _vcpus) other.Resume();
            throw new MachineException($"vCPU {vcpu.Index} did not stop within {PauseLimit.TotalSeconds} s");
        }

        foreach (PluggedDevice device in _devices) device.Function.Pause();
    }

    /// <summary>Goes on after a pause: devices first, so that no doorbell finds nobody.</summary>
    public void Resume()
    {
        foreach (PluggedDevice device in _devices) device.Function.Resume();
        foreach (VcpuThread vcpu in _vcpus) vcpu.Resume();
    }

    /// <summary>Injects a non-maskable interrupt into every vCPU.</summary>
    public void InjectNmi()
    {
        foreach (VcpuThread vcpu in _vcpus) vcpu.Invoke(static v => v.InjectNmi());
    }

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
        foreach (VcpuThread vcpu in _vcpus) vcpu.RequestStop();
        foreach (VcpuThread vcpu in _vcpus)
        {
            if (!vcpu.Join(StopLimit)) _log.LogError("vCPU {Index} does not stop", vcpu.Index);
        }

        foreach (PluggedDevice device in _devices)
        {
            if (!device.Function.Remove()) _log.LogError("device {Id} does not stop; what it holds is not given back", device.Id);
        }

        _consoles.Serial?.Connect(null);
        _vm.Dispose();
        _ram.Dispose();   // last: vCPUs and devices hold pointers into it
    }

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

    private void StartVcpus()
    {
        var wiring = new VcpuWiring(_ports, _mmio, _ram.Memory, _board.Ioapic.EndOfInterrupt, this);
        var setup = new VcpuSetup(
            _options.MaxVcpus, Map.PhysicalAddressBits, _options.Topology, _options.NestedVirtualization, _options.Amx);
        for (int i = 0; i < _options.BootVcpus; i++)
        {
            uint apicId = ApicIds.Of((uint)i, _options.Topology);
            var vcpu = new VcpuThread(i, () => Create(apicId, setup), wiring, _options.Affinity.GetValueOrDefault(i));
            _vcpus.Add(vcpu);
            vcpu.Start();
        }
    }

    private IVcpu Create(uint apicId, VcpuSetup setup)
    {
        IVcpu vcpu = _vm.CreateVcpu(apicId);
        vcpu.Initialize(setup);
        return vcpu;
    }
}
