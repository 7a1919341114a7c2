using System.Text.Json;
using Plugvisor.Tests.Unit.Rest;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The REST API of the real executable: exact answers of the interface, through a real socket, with a real guest.</summary>
public sealed class RestTests
{
    private const string NoBody = "Server: Cloud Hypervisor API\r\nConnection: keep-alive\r\n\r\n";

    [Fact]
    public async Task A_vm_lives_and_ends_by_the_api()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using RawClient client = vmm.Connect();

        async Task<string> Ask(string method, string operation, string? body = null)
        {
            await client.SendAsync(RestVmm.Request(method, operation, body));
            return (await client.ReadAsync()).ToString();
        }

        async Task<string> State()
        {
            string answer = await Ask("GET", "vm.info");
            return JsonElement.Parse(answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).GetProperty("state").GetString()!;
        }

        const string Done = "HTTP/1.1 204 \r\n" + NoBody;
        Assert.Equal(Error(404, "Error from API", "The VM could not boot", "VM config is missing"), await Ask("PUT", "vm.boot"));
        Assert.Equal(Done, await Ask("PUT", "vm.create", RestVmm.Config()));
        Assert.Equal(Error(500, "Error from API", "The VM could not be created", "VM is already created"), await Ask("PUT", "vm.create", RestVmm.Config()));
        Assert.Equal("Created", await State());
        Assert.Equal(Done, await Ask("PUT", "vm.boot"));
        Assert.Equal("Running", await State());
        Assert.Equal(Done, await Ask("PUT", "vm.pause"));
        Assert.Equal("Paused", await State());
        Assert.Equal(Error(500, "Error from API", "The VM could not be paused", "Cannot pause VM",
            "Invalid transition: InvalidStateTransition(Paused, Paused)"), await Ask("PUT", "vm.pause"));
        Assert.Equal(Done, await Ask("PUT", "vm.resume"));
        Assert.StartsWith("HTTP/1.1 200 ", await Ask("GET", "vm.counters"), StringComparison.Ordinal);
        Assert.Equal(Error(404, "Error from API", "The device could not be removed from the VM", "No device with id \"x\" to remove"),
            await Ask("PUT", "vm.remove-device", """{"id":"x"}"""));
        Assert.Equal(Done, await Ask("PUT", "vm.power-button"));
        Assert.Equal(Done, await Ask("PUT", "vm.reboot"));
        Assert.Equal("Running", await State());
        Assert.Equal(Done, await Ask("PUT", "vm.shutdown"));
        Assert.Equal("Created", await State());
        Assert.Equal(Error(500, "Error from API", "The VM could not shutdown", "VM is not running"), await Ask("PUT", "vm.shutdown"));
        Assert.Equal(Done, await Ask("PUT", "vm.delete"));
        Assert.Equal(Done, await Ask("PUT", "vm.delete"));
        Assert.StartsWith("HTTP/1.1 404 ", await Ask("GET", "vm.info"), StringComparison.Ordinal);
        Assert.Equal("HTTP/1.1 200 \r\nServer: Cloud Hypervisor API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
            await Ask("PUT", "vmm.shutdown"));
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(0, await vmm.Process.WaitForExitAsync());
        Assert.False(File.Exists(vmm.Socket));
        Assert.False(File.Exists(vmm.Socket + ".lock"));
    }

    [Fact]
    public async Task A_ping_tells_who_answers()
    {
        using RestVmm vmm = await RestVmm.StartAsync();

        JsonElement ping = JsonElement.Parse(await vmm.ExpectAsync(200, "GET", "vmm.ping"));

        Assert.Equal(vmm.Process.Id, ping.GetProperty("pid").GetInt32());
        Assert.Equal(["build_version", "version", "pid", "features"], ping.EnumerateObject().Select(member => member.Name));
    }

    [Fact]
    public async Task A_machine_of_the_command_line_is_the_apis_too()
    {
        using RestVmm vmm = await RestVmm.StartAsync(
            "--kernel", Guests.GuestImages.Of("console"), "--cmdline", "secs=60", "--memory", "size=64M", "--serial", "tty", "--console", "null");
        await vmm.Process.WaitForAsync("console ready");

        JsonElement info = JsonElement.Parse(await vmm.ExpectAsync(200, "GET", "vm.info"));

        Assert.Equal("Running", info.GetProperty("state").GetString());
        Assert.Equal(67108864, info.GetProperty("config").GetProperty("memory").GetProperty("size").GetInt64());
        await vmm.ExpectAsync(204, "PUT", "vm.shutdown");
        await vmm.ExpectAsync(204, "PUT", "vm.boot");
    }

    [Fact]
    public async Task Every_path_of_the_interface_is_there()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        string[] puts =
        [
            "vm.add-device", "vm.add-disk", "vm.add-fs", "vm.add-generic-vhost-user", "vm.add-net", "vm.add-pmem", "vm.add-user-device", "vm.add-vdpa",
            "vm.add-vsock", "vm.remove-device", "vm.resize", "vm.resize-disk", "vm.resize-zone", "vm.snapshot", "vm.restore", "vm.coredump",
            "vm.receive-migration", "vm.send-migration", "vm.create",
        ];

        foreach (string name in puts)
        {
            RawAnswer answer = await vmm.AskAsync("PUT", name, "{");
            Assert.True(answer.Status is 400 or 501, $"{name}: {answer}");
            Assert.Equal(name == "vm.create" ? "" : """["Bad Request"]""", await vmm.ExpectAsync(400, "PUT", name));
        }
    }

    [Fact]
    public async Task What_is_not_there_yet_says_so()
    {
        using RestVmm vmm = await RestVmm.StartAsync();

        string[] errors = Errors(await vmm.ExpectAsync(501, "PUT", "vm.snapshot", """{"destination_url":"file:///tmp/x"}"""));

        Assert.Equal(["Error from API", "The VM could not be snapshotted"], errors[..2]);
        Assert.Contains("not there yet", errors[2]);
    }

    [Fact]
    public async Task A_caller_of_the_stream_sees_the_vm_come_and_go()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using RawClient stream = vmm.Connect();
        await stream.SendAsync("GET /api/v1/vmm.events HTTP/1.0\r\n\r\n");
        await stream.ReadHeadAsync();

        await vmm.ExpectAsync(204, "PUT", "vm.create", RestVmm.Config());
        await vmm.ExpectAsync(204, "PUT", "vm.boot");
        await vmm.ExpectAsync(204, "PUT", "vm.pause");
        await vmm.ExpectAsync(204, "PUT", "vm.resume");
        await vmm.ExpectAsync(204, "PUT", "vm.shutdown");
        await vmm.ExpectAsync(200, "PUT", "vmm.shutdown");

        string[] events = [.. (await stream.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))
            .Select(json => $"{json.GetProperty("source").GetString()} {json.GetProperty("event").GetString()}").Where(name => !name.StartsWith("virtio-device", StringComparison.Ordinal))];
        Assert.Equal(["vm booting", "vm booted", "vm pausing", "vm paused", "vm resuming", "vm resumed", "vm shutdown", "vmm shutdown"],
            events.Where(name => name != "vmm api-ready" && name != "vm deleted"));
    }

    [Fact]
    public async Task The_monitor_tells_when_the_api_answers()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        await vmm.ExpectAsync(200, "PUT", "vmm.shutdown");
        await vmm.Process.WaitForExitAsync();

        string text = await File.ReadAllTextAsync(vmm.EventFile, TestContext.Current.CancellationToken);
        Assert.Contains("\"event\": \"api-ready\"", text);
        Assert.Contains($"\"socket\": \"{vmm.Socket}\"", text);
    }

    private static string[] Errors(string body) => [.. JsonElement.Parse(body).EnumerateArray().Select(text => text.GetString()!)];

    private static string Error(int status, params string[] chain)
    {
        string body = "[" + string.Join(",", chain.Select(text => "\"" + text.Replace("\"", "\\\"") + "\"")) + "]";
        return $"HTTP/1.1 {status} \r\nServer: Cloud Hypervisor API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}";
    }
}
