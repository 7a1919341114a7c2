using Microsoft.Extensions.Logging;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Consoles;
using Plugvisor.Machine.Hotplug;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Legacy;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine;

/// <summary>
/// What is soldered on: interrupt controller, serial port, clocks, power and reset registers, debug ports and the hot-plug registers that the
/// ACPI tables describe.
/// </summary>
public sealed class Board
{
    private readonly Bus _ports;
    private readonly Bus _mmio;
    private readonly List<string> _ids = ["__ioapic"];

    /// <summary>Puts everything on the buses.</summary>
    /// <param name="ports">Port space.</param>
    /// <param name="mmio">Guest-physical space.</param>
    /// <param name="vm">Takes interrupts.</param>
    /// <param name="router">Takes interrupt routes.</param>
    /// <param name="map">Where the platform's registers lie.</param>
    /// <param name="options">What the machine is made of.</param>
    /// <param name="consoles">What its ports are connected to.</param>
    /// <param name="events">Who is told of reset, power off and ejected devices.</param>
    /// <param name="clock">The time that the guest sees.</param>
    /// <param name="log">The log.</param>
    public Board(
        Bus ports, Bus mmio, IVm vm, MsiRouter router, MemoryMap map, MachineOptions options, MachineConsoles consoles,
        IMachineListener events, TimeProvider clock, ILogger log)
    {
        _ports = ports;
        _mmio = mmio;
        Ioapic = new Ioapic(vm, router);
        Mmio(Ioapic.Address, Ioapic.Length, Ioapic);

        if (consoles.Serial is { } line)
        {
            Serial = new Serial16550(Ioapic.Line(Serial16550.Com1Irq), line);
            Port(Serial16550.Com1, Serial16550.Length, Serial);
            line.Connect(Serial);
            _ids.Add("__serial");
        }

        Port(I8042.Port, I8042.Length, new I8042(events));
        Port(Cmos.Port, Cmos.Length, new Cmos(events, clock, map.LowRam.Length, map.HighRam.Length));
        Port(PostPort.Port, 1, new PostPort(log));
        Port(AcpiShutdown.Port, AcpiShutdown.Length, new AcpiShutdown(events));
        Port(PmTimer.Port, PmTimer.Length, new PmTimer(clock));
        Port(PortSink.FirmwarePort, 1, new PortSink(consoles.Firmware));
        if (options.DebugConsolePort is { } port && consoles.Debug is { } debug)
        {
            Port(port, 1, new PortSink(debug));
            _ids.Add("__debug_console");
        }

        GenericEvents = new GenericEventDevice(Ioapic.Line(GenericEventDevice.Irq));
        Mmio(map.GenericEventController, GenericEventDevice.Length, GenericEvents);
        CpuHotplug = new CpuHotplugController(
            (int)options.BootVcpus, (int)options.MaxVcpus, vcpu => log.LogWarning("the guest ejected vCPU {Vcpu}, which nobody asked for", vcpu));
        Mmio(map.CpuHotplugController, CpuHotplugController.Length, CpuHotplug);
        PciHotplug = new PciHotplugController(segments: 1, events.OnEject);
        Mmio(map.PciHotplugController, PciHotplugController.Length, PciHotplug);
        if (map.MemoryHotplugController == 0) return;
        MemoryHotplug = new MemoryHotplugController();
        Mmio(map.MemoryHotplugController, MemoryHotplugController.Length, MemoryHotplug);
    }

    /// <summary>The ids of what is shown of the board in the tree of devices.</summary>
    public IReadOnlyList<string> DeviceIds => _ids;

    /// <summary>The interrupt controller.</summary>
    public Ioapic Ioapic { get; }

    /// <summary>COM1, or null.</summary>
    public Serial16550? Serial { get; }

    /// <summary>How the guest is told of hot-plug and the power button.</summary>
    public GenericEventDevice GenericEvents { get; }

    /// <summary>CPU hot-plug registers.</summary>
    public CpuHotplugController CpuHotplug { get; }

    /// <summary>PCI hot-plug registers.</summary>
    public PciHotplugController PciHotplug { get; }

    /// <summary>Memory hot-plug registers, or null when no memory can be added through ACPI.</summary>
    public MemoryHotplugController? MemoryHotplug { get; }

    private void Port(ushort start, ulong length, IBusDevice device)
    {
        if (!_ports.TryAdd(start, length, device)) throw new MachineException($"port 0x{start:x} is taken by another device");
    }

    private void Mmio(ulong start, ulong length, IBusDevice device)
    {
        if (!_mmio.TryAdd(start, length, device)) throw new MachineException($"guest address 0x{start:x} is taken by another device");
    }
}
