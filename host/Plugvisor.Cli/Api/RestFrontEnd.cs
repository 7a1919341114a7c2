using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control;
using Plugvisor.Rest;

namespace Plugvisor.Cli.Api;

/// <summary>REST as the command line asks for it. Until it starts there is no more than an open socket: the server's assemblies are loaded by then only.</summary>
internal sealed class RestFrontEnd : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly ApiSocketOption _option;
    private readonly ILoggerFactory _logs;
    private ApiSocket? _socket;
    private RestServer? _server;

    private RestFrontEnd(ApiSocketOption option, ILoggerFactory logs)
    {
        _option = option;
        _logs = logs;
    }

    /// <summary>Opens the socket that the option names. The one that nobody asked for waits until <see cref="StartAsync"/>, unless it is needed.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="isNeeded">Without an API there is nothing to do.</param>
    /// <param name="logs">The log.</param>
    /// <returns>Null when there is to be no REST API.</returns>
    /// <exception cref="VmmException">The socket cannot be had.</exception>
    public static RestFrontEnd? Read(ParsedOptions options, bool isNeeded, ILoggerFactory logs)
    {
        ApiSocketOption option = ApiSocketOption.Read(options.Single(HostOptions.ApiSocket));
        if (option.Kind == ApiSocketKind.None) return null;
        if (option.Kind == ApiSocketKind.Default && isNeeded && option.WhyNotDefault() is { } why)
            throw new UsageException($"there is nothing to boot (--kernel, --firmware) and no API to wait for ({HostOptions.ApiSocket}; {why})");
        var front = new RestFrontEnd(option, logs);
        if (option.Kind != ApiSocketKind.Default || isNeeded) front._socket = ApiSocket.Open(option);
        return front;
    }

    /// <summary>Begins to answer, and tells so by an event. Where there is no place to listen that nobody asked for, the log says why.</summary>
    public async Task StartAsync(IVmmApi api)
    {
        if (_socket is null && !TryOpenDefault()) return;
        _server = new RestServer(api, _socket!.Listener, _socket.Name, _logs);
        await _server.StartAsync().ConfigureAwait(false);
        api.Events.Publish("vmm", "api-ready", new Dictionary<string, string> { ["api"] = "rest", ["socket"] = _socket.Name });
        _logs.CreateLogger("Api").LogInformation("REST API: {Name}", _socket.Name);
    }

    /// <summary>Makes ready for the first client. Once, after <see cref="StartAsync"/>, before <see cref="DisposeAsync"/>; any thread.</summary>
    public void Rehearse() => _server?.Rehearse();

    /// <summary>Answers what was asked, then closes the socket and removes its file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.StopAsync(Grace).ConfigureAwait(false);
            await _server.DisposeAsync().ConfigureAwait(false);
        }

        _socket?.Dispose();
    }

    private bool TryOpenDefault()
    {
        string? why = _option.WhyNotDefault();
        try
        {
            if (why is null) _socket = ApiSocket.Open(_option);
        }
        catch (VmmException e)
        {
            why = string.Join(": ", ErrorChain.Of(e));
        }

        if (why is not null)
        {
            _logs.CreateLogger("Api").LogWarning(
                "there is no REST API: {Why}. {Option} PATH says where it is to be, {Option} none that it is not to be", why, HostOptions.ApiSocket,
                HostOptions.ApiSocket);
        }

        return why is null;
    }
}
