using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Unit.DBus;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>One VM with two front ends at once.</summary>
public sealed class RestAndDBusTests : IDisposable
{
    private const string Name = "org.plugvisor.Both1", ObjectPath = "/org/plugvisor/Both1", Interface = "org.cloudhypervisor.DBusApi1";

    private readonly PrivateBus _bus = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-both").FullName;
    private readonly HttpClient _http;

    public RestAndDBusTests()
    {
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_directory, "api")), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://localhost/api/v1/"), Timeout = TimeSpan.FromSeconds(30),
        };
    }

    public void Dispose()
    {
        _http.Dispose();
        _bus.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task What_one_does_the_other_sees()
    {
        using VmmProcess vmm = await StartAsync();
        string config = $"{{\"payload\":{{\"kernel\":\"{GuestImages.Of("console")}\",\"cmdline\":\"secs=60\"}},\"memory\":{{\"size\":268435456}},"
            + "\"console\":{\"mode\":\"Null\"},\"serial\":{\"mode\":\"Null\"}}";
        Assert.Equal(204, await PutAsync("vm.create", config));
        Assert.Equal((0, ""), await CallAsync("VmBoot"));
        Assert.Equal("Running", await StateAsync());
        Assert.Equal(204, await PutAsync("vm.pause"));
        (int code, string output) = await CallAsync("VmPause");
        Assert.Equal((1, "Call failed: The VM could not be paused\n"), (code, output));
        Assert.Equal((0, ""), await CallAsync("VmResume"));
        Assert.Equal(500, await PutAsync("vm.resume"));
        Assert.Equal((0, ""), await CallAsync("VmmShutdown"));
        Assert.Equal(0, await vmm.WaitForExitAsync());
        Assert.False(File.Exists(Path.Combine(_directory, "api")));
    }

    [Fact]
    public async Task Commands_of_both_at_once_each_get_one_answer_and_leave_a_legal_state()
    {
        const int Rounds = 100;
        using VmmProcess vmm = await StartAsync("--kernel", GuestImages.Of("console"), "--cmdline", "secs=60", "--memory", "size=256M", "--console", "null");
        Task<int[]> rest = Task.Run(async () =>
        {
            int[] counts = new int[2];
            for (int i = 0; i < Rounds; i++) counts[await PutAsync(i % 2 == 0 ? "vm.pause" : "vm.resume") == 204 ? 0 : 1]++;
            return counts;
        }, TestContext.Current.CancellationToken);
        (int code, string output) = await _bus.RunAsync("/usr/bin/python3", "-c",
            $"""
            import dbus
            o = dbus.SessionBus().get_object('{Name}', '{ObjectPath}', introspect=False)
            ok = failed = 0
            for i in range({Rounds}):
                try: o.get_dbus_method('VmPause' if i % 2 == 0 else 'VmResume', '{Interface}')(); ok += 1
                except dbus.DBusException as e:
                    assert e.get_dbus_name() == 'org.freedesktop.DBus.Error.Failed', e
                    failed += 1
            print(ok + failed)
            """);
        Assert.Equal((0, $"{Rounds}\n"), (code, output));
        Assert.Equal(Rounds, (await rest).Sum());

        Assert.Contains(await StateAsync(), new[] { "Running", "Paused" });
        Assert.Equal(200, await PutAsync("vmm.shutdown"));
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    private async Task<VmmProcess> StartAsync(params string[] options)
    {
        VmmProcess vmm = VmmProcess.StartBy(
            ["env", $"DBUS_SESSION_BUS_ADDRESS={_bus.Address}"],
            ["-v", "--api-socket", Path.Combine(_directory, "api"), "--dbus-service-name", Name, "--dbus-object-path", ObjectPath, .. options]);
        await vmm.WaitForAsync("D-Bus API: ");
        return vmm;
    }

    private async Task<int> PutAsync(string path, string? body = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, path);
        if (body is not null) request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using HttpResponseMessage response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        return (int)response.StatusCode;
    }

    private async Task<string?> StateAsync() => JsonElement.Parse(await _http.GetStringAsync("vm.info", TestContext.Current.CancellationToken))
        .GetProperty("state").GetString();

    private Task<(int Code, string Output)> CallAsync(string method) =>
        _bus.RunAsync("busctl", "--user", "call", Name, ObjectPath, Interface, method);
}
