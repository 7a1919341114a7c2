using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioFs;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.VhostUser;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A shared directory that a daemon serves: what of it is the plugin's.</summary>
public sealed class DaemonDeviceTests : IDisposable
{
    private readonly BackEnds _backEnds = new();
    private readonly GuestMemoryMock _ram = BackEnds.MakeRam();
    private readonly MockDeviceHost _host;

    public DaemonDeviceTests() => _host = new MockDeviceHost(_ram);

    public void Dispose()
    {
        _ram.Dispose();
        _backEnds.Dispose();
    }

    [Fact]
    public void Tag_and_number_of_queues_are_the_vmms_and_requests_the_daemons()
    {
        string path = _backEnds.NewPath();
        _backEnds.Start(new FakeBackEnd(path, queues: 3));
        using var harness = new DriverHarness(Create(path, hot: true), _host);
        Assert.Equal(26, harness.Device.Traits.DeviceType);
        Assert.Equal([(ushort)128, (ushort)128, (ushort)128], harness.Device.Traits.QueueSizes);
        byte[] config = new byte[harness.Device.Traits.ConfigLength];
        harness.Device.WriteConfig(0, new byte[40]);
        harness.Device.ReadConfig(0, config);
        Assert.Equal("home", Encoding.UTF8.GetString(config.AsSpan(0, 36)).TrimEnd('\0'));
        Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(config.AsSpan(36)));
        harness.Start();
        ulong buffer = _ram.Allocate(512);
        for (int i = 0; i < 3; i++) Assert.Equal(512u, harness.Queues[i].Call(DriverBuffer.Readable(buffer, 40), DriverBuffer.Writable(buffer, 512)));
    }

    [Fact]
    public void A_daemon_with_one_request_queue_is_told_apart()
    {
        string path = _backEnds.NewPath();
        _backEnds.Start(new FakeBackEnd(path, queues: 2));
        var error = Assert.Throws<DeviceException>(() => Create(path, hot: true));
        Assert.Contains("serves 2 queues, and 3 are needed; use a smaller num_queues", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_daemon_that_is_not_there_is_waited_for_briefly_when_the_machine_runs()
    {
        string path = _backEnds.NewPath();
        var error = Assert.Throws<DeviceException>(() => Create(path, hot: true));
        Assert.Contains($"virtiofsd --socket-path={path}", error.Message, StringComparison.Ordinal);
        Assert.Contains("waiting up to 5 s", Assert.Single(_host.MockLog.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"socket\":\"/x\"", false, 60)]
    [InlineData("\"socket\":\"/x\"", true, 5)]
    [InlineData("\"shared_dir\":\"/x\"", false, 0)]
    public void The_host_is_told_how_long_it_may_take(string member, bool hot, int seconds)
    {
        JsonElement config = JsonElement.Parse($$"""{"tag":"home",{{member}}}""");
        Assert.Equal(TimeSpan.FromSeconds(seconds), new Plugin().PatienceFor(new DeviceRequest { Id = "_fs0", Config = config, IsHotPlug = hot }));
    }

    [Theory]
    [InlineData("\"tag\":\"\",\"shared_dir\":\"/x\"", "Tag is empty, so that a guest could not mount it")]
    [InlineData("\"tag\":\"a\",\"shared_dir\":\"\"", "'shared_dir' is empty: give the directory to share")]
    [InlineData("\"tag\":\"a\",\"socket\":\"\"", "No socket provided when using vhost-user")]
    public void What_is_given_and_empty_is_told(string members, string words) =>
        Assert.Equal(words, new Plugin().Validate(JsonElement.Parse($"{{{members}}}"), new ConfigContext { BootVcpus = 1 }));

    private IVirtioDevice Create(string path, bool hot)
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"tag":"home","socket":"{{path}}","num_queues":2,"queue_size":128}""");
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "_fs0", Config = config.RootElement, IsHotPlug = hot }, _host);
    }
}
