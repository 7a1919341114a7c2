using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace MyDevice.Tests;

/// <summary>The device against a driver that is a mock: no VM, no /dev/kvm.</summary>
public sealed class DeviceTests
{
    [Fact]
    public void What_is_sent_comes_back()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        using var harness = new DriverHarness(Make(host), host);
        harness.Start();
        ulong request = ram.Allocate(5), answer = ram.Allocate(64);
        "hello"u8.CopyTo(ram.Bytes(request, 5));

        uint written = harness.Queues[0].Call(DriverBuffer.Readable(request, 5), DriverBuffer.Writable(answer, 64));

        Assert.Equal(5u, written);
        Assert.Equal("hello", Encoding.ASCII.GetString(ram.Bytes(answer, 5)));
        Assert.Equal(5u, host.MockCounters["bytes"]);
    }

    [Fact]
    public void An_answer_is_no_longer_than_the_limit()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        using var harness = new DriverHarness(Make(host, """{"limit":3}"""), host);
        harness.Start();

        Assert.Equal(3u, harness.Queues[0].Call(DriverBuffer.Readable(ram.Allocate(8), 8), DriverBuffer.Writable(ram.Allocate(8), 8)));
    }

    internal static IVirtioDevice Make(IDeviceHost host, string config = "{}")
    {
        using JsonDocument document = JsonDocument.Parse(config);
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "_dev0", Config = document.RootElement }, host);
    }
}
