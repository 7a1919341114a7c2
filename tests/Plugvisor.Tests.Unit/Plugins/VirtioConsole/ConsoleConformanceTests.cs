using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioConsole;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioConsole;

/// <summary>The transmit queue of a console that nobody reads: a pty.</summary>
public sealed class ConsoleConformanceTests : VirtioDeviceConformance
{
    protected override int RequestQueue => 1;

    internal static IVirtioDevice CreateConsole(
        IDeviceHost host, string config, ReadOnlyMemory<byte> state = default, IReadOnlyList<SafeHandle>? inherited = null)
    {
        using JsonDocument json = JsonDocument.Parse(config);
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "__console", Config = json.RootElement, SavedState = state, Inherited = inherited ?? [] }, host);
    }

    protected override IVirtioDevice Create(MockDeviceHost host) => CreateConsole(host, """{"mode":"Pty"}""");

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        CreateConsole(host, """{"mode":"Pty","file":"/dev/pts/999"}""", state, inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong text = ram.Allocate(64);
        ram.Bytes(text, 64).Fill((byte)'x');
        return [DriverBuffer.Readable(text, 40), DriverBuffer.Readable(text + 40, 24)];
    }
}
