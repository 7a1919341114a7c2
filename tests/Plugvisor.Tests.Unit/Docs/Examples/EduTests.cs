using System.Runtime.InteropServices;
using System.Text.Json;
using Examples.Edu;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;

namespace Plugvisor.Tests.Unit.Docs.Examples;

/// <summary>The worked example of a PCI device: the suite. What it does is tested with a guest, in the kvm tier.</summary>
public sealed class EduTests : PciDeviceConformance
{
    protected override IPciDevice Create(MockDeviceHost host) => Make(host, default);

    protected override IPciDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) => Make(host, state);

    private static IPciDevice Make(MockDeviceHost host, ReadOnlyMemory<byte> state)
    {
        using JsonDocument config = JsonDocument.Parse("{}");
        return (IPciDevice)new Plugin().Create(new DeviceRequest { Id = "_edu0", Config = config.RootElement, SavedState = state }, host);
    }
}
