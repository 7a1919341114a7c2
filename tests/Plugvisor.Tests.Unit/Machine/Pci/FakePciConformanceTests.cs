using Plugvisor.Abstractions.Pci;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>The suite for PCI devices on one that has every kind of BAR and every optional power.</summary>
public sealed class FakePciConformanceTests : PciDeviceConformance
{
    protected override IPciDevice Create(MockDeviceHost host) => new PowerfulPciDevice
    {
        Bars = [new(0, PciBarKind.Memory32, 0x123), new(1, PciBarKind.Io, 7), new(2, PciBarKind.Memory64, 0x9000), new(4, PciBarKind.Memory32, 1)],
        Msix = new PciMsixTraits(5),
        OwnedConfig = [new(0x40, 8), new(0x100, 0xf00)],
    };
}
