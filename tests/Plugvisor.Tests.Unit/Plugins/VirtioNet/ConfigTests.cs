using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>What a config is refused for, and with which words (interface reference, sections 2.3 and 2.6).</summary>
public sealed class ConfigTests
{
    private static readonly DeviceConfigSchema s_schema =
        new(DeviceDeclaration.Parse(ManifestReader.Read(typeof(Plugin).Assembly.Location)!));

    private static string? Check(string option, int vcpus = 4, bool shared = false)
    {
        var context = new ConfigContext { BootVcpus = vcpus, SharedMemory = shared };
        JsonElement config = s_schema.FromOption(option);
        return s_schema.Check(config, context) ?? new Plugin().Validate(config, context);
    }

    [Theory]
    [InlineData("")]
    [InlineData("tap=a,mac=2e:89:a8:e4:92:00,host_mac=AA:89:a8:e4:92:00,mtu=1280,num_queues=8")]
    [InlineData("ip=192.168.249.1,mask=255.255.255.0")]
    [InlineData("ip=fd00::1,mask=ffff:ffff:ffff:ffff::")]
    [InlineData("ip=10.0.0.1,mask=255.255.255.255")]
    [InlineData("fd=[3,4],num_queues=4")]
    [InlineData("offload_tso=off,offload_ufo=off,offload_csum=off")]
    public void These_are_right(string option) => Assert.Null(Check(option));

    [Theory]
    [InlineData("num_queues=1", "Number of queues (1) to virtio_net should be higher than 2")]
    [InlineData("num_queues=0", "Number of queues (0) to virtio_net should be higher than 2")]
    [InlineData("tap=a/b", "'a/b' cannot be the name of a network interface: no '/', no ':', no blanks")]
    [InlineData("tap=a b", "'a b' cannot be the name of a network interface: no '/', no ':', no blanks")]
    [InlineData("tap=..", "'..' cannot be the name of a network interface: no '/', no ':', no blanks")]
    [InlineData("num_queues=3", "Number of queues (3) to virtio_net must be even, as receive and transmit queues come in pairs")]
    [InlineData("num_queues=10", "Queue count (5) must not exceed boot vCPUs (4)")]
    [InlineData("queue_size=100", "Queue size must be a power of 2 no greater than 32768: 100")]
    [InlineData("fd=[3,4]", "Number of queues (2) to virtio_net does not match the number of FDs (2)")]
    [InlineData("fd=[2]", "Reserved fd number (<= 2): 2")]
    [InlineData("mtu=1279", "Provided MTU 1279 is lower than 1280 (expected by VIRTIO specification)")]
    [InlineData("ip=10.0.0.1", "IP provided without a mask")]
    [InlineData("mask=255.0.0.0", "Mask provided without an IP")]
    [InlineData("offload_csum=off", "\"offload_tso\" and \"offload_ufo\" depend on \"offload_csum\"")]
    [InlineData("offload_csum=off,offload_tso=off", "\"offload_tso\" and \"offload_ufo\" depend on \"offload_csum\"")]
    [InlineData("vhost_user=on", "No socket provided when using vhost-user")]
    [InlineData("vhost_user=on,socket=/s", "Using vhost-user requires using shared memory or huge pages")]
    [InlineData("ip=10.1,mask=255.0.0.0", "'10.1' is not an IP address")]
    [InlineData("ip=10.0.0.1,mask=255.0.255.0", "'255.0.255.0' is not the mask of a network that 10.0.0.1 can be in")]
    [InlineData("ip=10.0.0.1,mask=ffff::", "'ffff::' is not the mask of a network that 10.0.0.1 can be in")]
    [InlineData("tap=a234567890123456", "Name of a tap interface length (16) exceeds maximum allowed length (15)")]
    public void These_are_refused_in_these_words(string option, string error) => Assert.Equal(error, Check(option));

    [Theory]
    [InlineData("vhost_user=on,socket=/s,iommu=on", "Device does not support being placed behind IOMMU")]
    [InlineData("vhost_user=on,socket=/s,bw_size=1,bw_refill_time=1", "Rate limiting is not supported with vhost-user")]
    public void Vhost_user_excludes_these(string option, string error) => Assert.Equal(error, Check(option, shared: true));

    [Theory]
    [InlineData("2e:89:a8:e4:92")]
    [InlineData("2e-89-a8-e4-92-00")]
    [InlineData("2e:89:a8:e4:92:0g")]
    [InlineData("+e:89:a8:e4:92:00")]
    [InlineData("00:00:00:00:00:00")]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("01:00:5e:00:00:01")]
    public void Hostile_31_a_bad_hardware_address_is_refused_by_name(string mac)
    {
        Assert.Contains(mac, Check($"mac={mac}"));
        Assert.Contains("host_mac", Check($"host_mac={mac}"));
    }

    [Theory]
    [InlineData("vhost_user=on,socket=/s", "not there yet")]
    [InlineData("fd=[99999]", "descriptor 99999")]
    [InlineData("tap=lo", "'lo'")]
    public void A_device_that_cannot_be_made_says_what_is_wrong(string option, string words)
    {
        using var ram = new GuestMemoryMock();
        var request = new DeviceRequest { Id = "_net7", Config = s_schema.FromOption(option) };
        var error = Assert.Throws<DeviceException>(() => new Plugin().Create(request, new MockDeviceHost(ram)));
        Assert.Contains("_net7", error.Message);
        Assert.Contains(words, error.Message + error.InnerException?.Message);
    }

    [Fact]
    public void Descriptors_that_came_with_the_request_have_to_be_one_for_each_pair()
    {
        using var ram = new GuestMemoryMock();
        using var first = new Plugvisor.Linux.Events.EventFd();
        using var second = new Plugvisor.Linux.Events.EventFd();
        var request = new DeviceRequest { Id = "_net7", Config = s_schema.FromOption(""), Descriptors = [first, second] };
        var mismatch = Assert.Throws<ConfigException>(() => new Plugin().Create(request, new MockDeviceHost(ram)));
        Assert.Equal("Number of queues (2) to virtio_net does not match the number of FDs (2)", mismatch.Message);
        request = new DeviceRequest { Id = "_net7", Config = s_schema.FromOption("num_queues=4"), Descriptors = [first, second] };
        var error = Assert.Throws<DeviceException>(() => new Plugin().Create(request, new MockDeviceHost(ram)));
        Assert.Contains("as a tap (it is none)", error.InnerException?.Message);
        Assert.False(first.IsClosed);
    }
}
