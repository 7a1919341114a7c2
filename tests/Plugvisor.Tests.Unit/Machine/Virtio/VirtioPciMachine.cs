using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Plugvisor.Machine.Virtio;
using Plugvisor.Tests.Unit.Machine.Pci;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>Buses, 1 MiB of RAM at 0 and a PCI root, as a guest sees them, without KVM.</summary>
internal sealed unsafe class VirtioPciMachine : IDisposable
{
    public const ulong RamSize = 1 << 20;

    private readonly void* _ram = NativeMemory.AllocZeroed((nuint)RamSize);
    private readonly List<DeviceFunction> _devices = [];

    public VirtioPciMachine(TimeSpan? deadline = null, int startsPerSecond = 200)
    {
        Memory = new GuestMemory(new GuestRegion(0, (nuint)RamSize, (nint)_ram));
        Router = new MsiRouter(Vm);
        Root = new PciRoot(Ports, Mmio);
        Segment = Root.AddSegment(new PciApertures(new AddressRange(0xC000_0000, 0x2800_0000), new AddressRange(0x80_0000_0000, 0x40_0000_0000), PciRoot.PortWindow), Log);
        Mmio.TryAdd(Ioapic.Address, Ioapic.Length, new Ioapic(Vm, Router));
        Environment = new VirtioPciEnvironment { Vm = Vm, Router = Router, Memory = Memory, StopDeadline = deadline ?? TimeSpan.FromSeconds(30),
            StartsPerSecond = startsPerSecond, Mappings = new GuestMappings(Vm, Log) };
    }

    public FakeVm Vm { get; } = new();

    public Bus Ports { get; } = new();

    public Bus Mmio { get; } = new();

    public MsiRouter Router { get; }

    public GuestMemory Memory { get; }

    public PciRoot Root { get; }

    public PciSegment Segment { get; }

    public VirtioPciEnvironment Environment { get; }

    public RecordingLog Log { get; } = new();

    public GuestDriver Add(IVirtioDevice device, string id = "_test0")
    {
        var pci = new VirtioPciDevice(id, device, Environment, Log);
        if (!Segment.TryAdd(pci, null, out string? error)) throw new InvalidOperationException(error);
        _devices.Add(pci);
        return new GuestDriver(this, pci);
    }

    public PciGuest Add(IPciDevice device, string id = "_pci0")
    {
        var pci = new PciDeviceFunction(id, device, Environment, Log);
        if (!Segment.TryAdd(pci, null, out string? error)) throw new InvalidOperationException(error);
        _devices.Add(pci);
        return new PciGuest(this, pci);
    }

    public ulong Read(Bus bus, ulong address, int width)
    {
        Span<byte> data = stackalloc byte[8];
        data.Clear();
        bus.Read(address, data[..width]);
        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    public void Write(Bus bus, ulong address, int width, ulong value)
    {
        Span<byte> data = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        bus.Write(address, data[..width]);
    }

    public void Dispose()
    {
        foreach (DeviceFunction device in _devices) device.Dispose();
        NativeMemory.Free(_ram);
    }
}
