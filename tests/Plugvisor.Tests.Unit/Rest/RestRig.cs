using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Linux.Sockets;
using Plugvisor.Rest;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>A server on a real socket in front of a fake API.</summary>
internal sealed class RestRig : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-rest").FullName;
    private readonly UnixListener _listener;

    private RestRig(RestLimits? limits, ILoggerFactory? logs)
    {
        Socket = Path.Combine(_directory, "api.sock");
        _listener = UnixListener.Bind(Socket);
        Server = new RestServer(Api, _listener, Socket, logs ?? NullLoggerFactory.Instance, limits);
    }

    public FakeApi Api { get; } = new();

    public RestServer Server { get; }

    public string Socket { get; }

    public static async Task<RestRig> StartAsync(RestLimits? limits = null, ILoggerFactory? logs = null)
    {
        var rig = new RestRig(limits, logs);
        await rig.Server.StartAsync();
        return rig;
    }

    public RawClient Connect() => new(Socket);

    /// <summary>Sends bytes over a connection of their own and reads one answer.</summary>
    public async Task<RawAnswer> AskAsync(string bytes)
    {
        using RawClient client = Connect();
        await client.SendAsync(bytes);
        return await client.ReadAsync();
    }

    public Task<RawAnswer> AskAsync(string method, string path, string? body = null) => AskAsync(Request(method, path, body));

    /// <summary>Pings, a connection each time, while the server has too many of them; for a minute at most.</summary>
    /// <returns>What the last ping got.</returns>
    public async Task<int> StatusWhenThereIsRoomAsync()
    {
        int status = 503;
        for (long end = Environment.TickCount64 + 60_000; status == 503 && Environment.TickCount64 < end;)
        {
            try
            {
                status = (await AskAsync("GET", "/api/v1/vmm.ping")).Status;
            }
            catch (SocketException)
            {
                // Turned away before it could ask.
            }
        }

        return status;
    }

    public static string Request(string method, string path, string? body = null) =>
        $"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" + (body is null ? "\r\n" : $"Content-Length: {body.Length}\r\n\r\n{body}");

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
