using System.Text;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Unit.Rest;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The published executable with its API on a socket of its own.</summary>
internal sealed class RestVmm : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-rest").FullName;

    private RestVmm(string[] command, string[] arguments)
    {
        Socket = Path.Combine(_directory, "api.sock");
        arguments = ["--api-socket", Socket, "--event-monitor", $"path={EventFile}", .. arguments];
        Process = command.Length == 0 ? VmmProcess.Start(arguments) : VmmProcess.StartBy(command, arguments);
    }

    public VmmProcess Process { get; }

    public string Socket { get; }

    /// <summary>Where the event monitor writes.</summary>
    public string EventFile => Path.Combine(_directory, "events");

    /// <summary>As <see cref="StartAsync"/>, with garbage collected so often that a leak shows above the garbage.</summary>
    public static Task<RestVmm> StartTidyAsync(params string[] arguments) => StartByAsync(["env", "DOTNET_GCgen0size=0x200000"], arguments);

    /// <summary>Starts it; the socket is there when this returns, and who asks waits until it answers.</summary>
    public static Task<RestVmm> StartAsync(params string[] arguments) => StartByAsync([], arguments);

    /// <summary>The same by a command that runs the command line behind it in its place.</summary>
    public static async Task<RestVmm> StartByAsync(string[] command, params string[] arguments)
    {
        var vmm = new RestVmm(command, arguments);
        await WaitForSocketAsync(vmm.Socket, vmm.Process);
        return vmm;
    }

    /// <summary>Waits until somebody listens.</summary>
    public static async Task WaitForSocketAsync(string path, VmmProcess process)
    {
        for (DateTime end = DateTime.UtcNow.AddSeconds(30); DateTime.UtcNow < end; await Task.Delay(5, TestContext.Current.CancellationToken))
        {
            try
            {
                new RawClient(path).Dispose();
                return;
            }
            catch (System.Net.Sockets.SocketException)
            {
            }
        }

        Assert.Fail($"nobody listens on {path}{process.Everything()}");
    }

    public RawClient Connect() => new(Socket);

    /// <summary>A connection for many questions.</summary>
    public ApiClient Open() => new(Socket);

    /// <summary>Waits until the event monitor has told of something so many times.</summary>
    public Task EventAsync(string name, int times = 1) => UntilAsync(
        async () => (await File.ReadAllTextAsync(EventFile, TestContext.Current.CancellationToken)).Split($"\"{name}\"").Length > times, () => $"no event {name}");

    /// <summary>Looks again and again, as the VMM needs the processors more, until something is so; a minute at most.</summary>
    /// <param name="holds">Whether it is.</param>
    /// <param name="otherwise">What to say when it never is.</param>
    public async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        for (long deadline = Environment.TickCount64 + 60_000; !await holds(); await Task.Delay(5, TestContext.Current.CancellationToken))
            Assert.True(Environment.TickCount64 < deadline, $"{otherwise()}{Process.Everything()}");
    }

    public static string Request(string method, string operation, string? body = null) =>
        $"{method} /api/v1/{operation} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
        + (body is null ? "\r\n" : $"Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");

    /// <summary>Asks over a connection of its own.</summary>
    public async Task<RawAnswer> AskAsync(string method, string operation, string? body = null)
    {
        using RawClient client = Connect();
        await client.SendAsync(Request(method, operation, body));
        return await client.ReadAsync();
    }

    /// <summary>Asks, and wants this status.</summary>
    public async Task<string> ExpectAsync(int status, string method, string operation, string? body = null)
    {
        RawAnswer answer = await AskAsync(method, operation, body);
        Assert.True(answer.StatusLine == $"HTTP/1.1 {status} ", $"{method} {operation}: {answer}{Process.Everything()}");
        return answer.Body;
    }

    /// <summary>A configuration of a guest that stays.</summary>
    public static string Config(string more = "") =>
        $$"""
        {"payload":{"kernel":"{{GuestImages.Of("console")}}","cmdline":"secs=60"},"memory":{"size":67108864},"serial":{"mode":"Null"},
        "console":{"mode":"Null"}{{more}}}
        """;

    /// <summary>A VmConfig for one of our guests, with its serial line on standard output.</summary>
    public static string ConfigOf(string guest, string options = "", string more = "") =>
        $$"""
        {"payload":{"kernel":"{{GuestImages.Of(guest)}}","cmdline":"{{options}}"},"memory":{"size":{{64 << 20}}},
         "serial":{"mode":"Tty"},"console":{"mode":"Off"}{{more}}}
        """;

    /// <summary>A path beside the socket.</summary>
    public string PathOf(string name) => Path.Combine(_directory, name);

    public void Dispose()
    {
        Process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
