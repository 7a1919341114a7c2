using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Pci;

/// <summary>The host bridge of segment 0: it has an identity, and that is all that guests ask of it.</summary>
internal sealed class PciHostBridge(IDeviceLog log)
    : PciFunction("_host_bridge", new PciConfigSpace(vendor: 0x8086, device: 0x0d57, classCode: 0x060000), log);
