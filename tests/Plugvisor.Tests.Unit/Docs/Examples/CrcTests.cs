using System.Text.Json;
using Examples.Crc;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Docs.Examples;

/// <summary>The worked example of a virtio device: the suite, and a known answer over buffers of odd lengths.</summary>
public sealed class CrcTests : VirtioDeviceConformance
{
    [Fact]
    public void The_checksum_is_the_same_however_the_data_is_cut()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        using var harness = new DriverHarness(Create(host), host);
        harness.Start();
        ulong data = ram.Allocate(9), answer = ram.Allocate(4);
        "123456789"u8.CopyTo(ram.Bytes(data, 9));
        for (int cut = 1; cut < 9; cut++)
        {
            uint written = harness.Queues[cut & 1].Call(
                DriverBuffer.Readable(data, (uint)cut), DriverBuffer.Readable(data + (ulong)cut, (uint)(9 - cut)), DriverBuffer.Writable(answer, 4));
            Assert.Equal(4u, written);
            Assert.Equal(0xe3069283, ram.Read<uint>(answer));   // RFC 3720 names the polynomial; the value is the usual check
        }

        Assert.Equal(8u, host.MockCounters["requests"]);
    }

    protected override IVirtioDevice Create(MockDeviceHost host)
    {
        using JsonDocument config = JsonDocument.Parse("{}");
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "_crc0", Config = config.RootElement }, host);
    }

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(100), 100), DriverBuffer.Writable(ram.Allocate(4), 4)];
}
