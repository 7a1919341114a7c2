using Plugvisor.Machine.Pci;
using Plugvisor.Tests.Unit.Machine.Virtio;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>The driver's side of a PCI device: accesses through the buses.</summary>
internal sealed class PciGuest(VirtioPciMachine machine, PciDeviceFunction device)
{
    private readonly int _slot = device.Slot;

    public PciDeviceFunction Device => device;

    public ulong Address(int bar) => device.Bars[bar]!.Address;

    public ulong Read(int bar, ulong offset, int width) =>
        machine.Read(device.Bars[bar]!.IsIo ? machine.Ports : machine.Mmio, Address(bar) + offset, width);

    public void Write(int bar, ulong offset, int width, ulong value) =>
        machine.Write(device.Bars[bar]!.IsIo ? machine.Ports : machine.Mmio, Address(bar) + offset, width, value);

    public uint ReadConfig(int offset, int width = 4) =>
        (uint)machine.Read(machine.Mmio, PciRoot.EcamBase + (ulong)(_slot << 15) + (ulong)offset, width);

    public void WriteConfig(int offset, uint value, int width = 4) =>
        machine.Write(machine.Mmio, PciRoot.EcamBase + (ulong)(_slot << 15) + (ulong)offset, width, value);

    /// <summary>Ids of the capabilities and where they start, in the order of the list.</summary>
    public List<(byte Id, int Offset)> Capabilities()
    {
        var found = new List<(byte, int)>();
        for (int at = (int)ReadConfig(0x34, 1); at != 0 && found.Count < 64; at = (int)ReadConfig(at + 1, 1)) found.Add(((byte)ReadConfig(at, 1), at));
        return found;
    }

    public int Capability(byte id) => Capabilities().Find(capability => capability.Id == id).Offset;
}
