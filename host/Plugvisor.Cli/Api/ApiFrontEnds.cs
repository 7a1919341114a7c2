using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.DBus;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Cli.Api;

/// <summary>
/// The API and the front ends that the command line asks for. Options are checked before anything starts; the rest happens beside the boot, which
/// waits for none of it. Dispose after the last event: front ends still tell it.
/// </summary>
internal sealed class ApiFrontEnds : IAsyncDisposable
{
    private readonly ILoggerFactory _logs;
    private readonly DBusOptions? _dbus;
    private readonly EventSubscription? _dbusEvents;
    private Task _starting = Task.CompletedTask;
    private DBusApi? _dbusApi;

    private ApiFrontEnds(DBusOptions? dbus, EventHub events, ILoggerFactory logs)
    {
        _logs = logs;
        _dbus = dbus;
        // From here on, not from when the bus is there: who follows the signals hears of the start too.
        if (dbus is not null) _dbusEvents = events.Subscribe();
    }

    /// <summary>Whether there is one, so that a VMM without a VM can be told what to do.</summary>
    public bool Any => _dbus is not null;

    /// <summary>Reads the options.</summary>
    /// <exception cref="OptionException">One of them cannot be taken.</exception>
    public static ApiFrontEnds Read(ParsedOptions options, EventHub events, ILoggerFactory logs) =>
        new(DBusOption.Read(options, logs), events, logs);

    /// <summary>Starts them on other threads and returns at once. Once.</summary>
    public void Start(ControlLoop loop, IDevicePlugins plugins, EventHub events)
    {
        if (Any) _starting = Task.Run(() => StartAll(new VmmApi(loop, plugins, events, _logs)));
    }

    /// <summary>Ends them: last answers and events are sent first.</summary>
    public async ValueTask DisposeAsync()
    {
        await _starting.ConfigureAwait(false);
        if (_dbusApi is not null) await _dbusApi.DisposeAsync().ConfigureAwait(false);
        _dbusEvents?.Dispose();
    }

    private void StartAll(VmmApi api)
    {
        if (_dbus is null || _dbusEvents is null) return;
        _dbusApi = new DBusApi(_dbus, api, _dbusEvents, _logs);
        _dbusApi.Start();
    }
}
