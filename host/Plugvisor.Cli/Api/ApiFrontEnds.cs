using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.DBus;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Cli.Api;

/// <summary>
/// The API and the front ends that the command line asks for. Options are checked before anything starts. Starting costs processor time, which a boot
/// needs more: it begins when the guest runs, or a moment later than the boot where that takes long. Dispose after the last event: front
/// ends still tell it.
/// </summary>
internal sealed class ApiFrontEnds : IAsyncDisposable
{
    // A boot of a small guest takes a fifth of this on an idle machine; with it, the API answers within a quarter of a second all the same.
    private static readonly TimeSpan BootFirst = TimeSpan.FromMilliseconds(100);

    // By then a small guest runs, and an orchestrator that starts a VMM to use it at once has come.
    private static readonly TimeSpan BeforeRehearsal = TimeSpan.FromMilliseconds(250);

    private readonly ILoggerFactory _logs;
    private readonly ManualResetEvent _booted = new(initialState: false);
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RestFrontEnd? _rest;
    private readonly DBusApi? _dbus;
    private Timer? _rehearsal;
    private bool _starting, _ending;

    private ApiFrontEnds(RestFrontEnd? rest, DBusOptions? dbus, EventHub events, ILoggerFactory logs)
    {
        _logs = logs;
        _rest = rest;
        if (dbus is not null) _dbus = new DBusApi(dbus, events, logs);
    }

    /// <summary>Whether there is one, so that a VMM without a VM can be told what to do.</summary>
    public bool Any => _rest is not null || _dbus is not null;

    /// <summary>Reads the options. Events are kept for the front ends from now on.</summary>
    /// <exception cref="OptionException">One of them cannot be taken.</exception>
    /// <exception cref="VmmException">What one of them names cannot be had.</exception>
    public static ApiFrontEnds Read(ParsedOptions options, EventHub events, ILoggerFactory logs)
    {
        DBusOptions? dbus = DBusOption.Read(options, logs);
        bool isNeeded = dbus is null && !VmConfigReader.HasPayload(options);
        return new ApiFrontEnds(RestFrontEnd.Read(options, isNeeded, logs), dbus, events, logs);
    }

    /// <summary>Starts them on a thread of their own and returns at once. Once.</summary>
    /// <param name="loop">Where commands go.</param>
    /// <param name="plugins">What devices there can be.</param>
    /// <param name="events">What happens.</param>
    /// <param name="boots">Whether a VM boots now; <see cref="OnBooted"/> follows.</param>
    public void Start(ControlLoop loop, IDevicePlugins plugins, EventHub events, bool boots)
    {
        if (!Any) return;
        _starting = true;
        if (!boots) _booted.Set();
        new Thread(() => _ = StartAllAsync(loop, plugins, events)) { Name = "api-start", IsBackground = true }.Start();
    }

    /// <summary>The boot is over, well or badly.</summary>
    public void OnBooted() => _booted.Set();

    /// <summary>Ends them: last answers and events are sent first.</summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _ending, true);
        _booted.Set();
        if (_starting) await _started.Task.ConfigureAwait(false);
        // Waits for one that begins right now: the server must be there for it.
        if (_rehearsal is not null) await _rehearsal.DisposeAsync().ConfigureAwait(false);
        // Side by side: neither waits for clients or the bus of the other.
        ValueTask rest = _rest?.DisposeAsync() ?? default, dbus = _dbus?.DisposeAsync() ?? default;
        await rest.ConfigureAwait(false);
        await dbus.ConfigureAwait(false);
        _booted.Dispose();
    }

    /// <summary>What is compiled at run time only would otherwise be compiled while the first client waits.</summary>
    private void Rehearse(VmmApi api)
    {
        _ = api.RehearseAsync();
        _rest?.Rehearse();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Without an API the VM goes on, and the log says why")]
    private async Task StartAllAsync(ControlLoop loop, IDevicePlugins plugins, EventHub events)
    {
        try
        {
            _ = _booted.WaitOne(BootFirst);
            var api = new VmmApi(loop, plugins, events, _logs);
            _dbus?.Start(api);
            // The boot may have failed, or the guest been quicker than we are.
            if (_rest is not null && !Volatile.Read(ref _ending)) await _rest.StartAsync(api).ConfigureAwait(false);
            _rehearsal = new Timer(_ => Rehearse(api), state: null, BeforeRehearsal, Timeout.InfiniteTimeSpan);
        }
        catch (Exception e)
        {
            _logs.CreateLogger("Api").LogError(e, "The API does not start");
        }
        finally
        {
            _started.SetResult();
        }
    }
}
