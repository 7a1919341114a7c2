using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Control.Events;
using Plugvisor.DBus.Bus;
using Plugvisor.DBus.Systemd;

namespace Plugvisor.DBus;

/// <summary>
/// The API on D-Bus: interface reference section 3. It has one thread, which starts, serves and looks for a bus that went away. Whatever the bus
/// does, the VM goes on: trouble is told in the log and waited out; a name that somebody else owns is told and left to him.
/// </summary>
public sealed class DBusApi : IAsyncDisposable, IBusService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(30);

    private readonly DBusOptions _options;
    private readonly EventSubscription _events;
    private readonly EventHub _hub;
    private readonly ILogger _log;
    private readonly IBusConnector _connector;
    private readonly Func<string, string?> _environment;
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private IBusConnection? _connection;
    private DBusObject? _object;
    private TimeSpan _pause = FirstPause;
    private string? _told;
    private bool _eventsEnded;
    private int _disposed;

    /// <summary>An API that is not started. Events are kept for it from now on.</summary>
    /// <param name="options">Where it is to be.</param>
    /// <param name="events">What it tells in signals.</param>
    /// <param name="logs">Where it says what is wrong.</param>
    public DBusApi(DBusOptions options, EventHub events, ILoggerFactory logs)
        : this(options, events, logs, new SdBusConnector(), Environment.GetEnvironmentVariable)
    {
    }

    internal DBusApi(
        DBusOptions options, EventHub events, ILoggerFactory logs, IBusConnector connector, Func<string, string?> environment)
    {
        _options = options;
        _hub = events;
        _events = events.Subscribe(EventHub.DefaultCapacity, Wake);
        _log = logs.CreateLogger(nameof(DBusApi));
        _connector = connector;
        _environment = environment;
    }

    /// <inheritdoc/>
    bool IBusService.IsDone => _eventsEnded && _object!.IsIdle;

    /// <summary>Starts and returns at once: nothing waits for the bus. Once.</summary>
    /// <param name="api">What it offers.</param>
    public void Start(IVmmApi api)
    {
        _object = new DBusObject(_options.ObjectPath, api, Wake);
        new Thread(Run, maxStackSize: 256 * 1024) { Name = "dbus-thread", IsBackground = true }.Start();
    }

    /// <summary>Lets the last commands answer and the last events out, within a second, and leaves the bus.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _events.Dispose();   // the events until now are still read
        _stop.Set();
        lock (_gate) _connection?.Stop();
        if (_object is not null) await _ended.Task.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <inheritdoc/>
    void IBusService.OnOwned()
    {
        (_pause, _told) = (FirstPause, null);
        _hub.Publish("vmm", "api-ready", new Dictionary<string, string>
        {
            ["api"] = "dbus", ["bus"] = _options.SystemBus ? "system" : "session", ["service"] = _options.ServiceName, ["path"] = _options.ObjectPath,
        });
        _log.LogInformation("D-Bus API: {Name} {Path} on the {Bus}",
            _options.ServiceName, _options.ObjectPath, _options.SystemBus ? "system bus" : "session bus");
    }

    /// <inheritdoc/>
    void IBusService.OnCall(IBusCall call) => _object!.OnCall(call);

    /// <inheritdoc/>
    bool IBusService.TryTakeSignal([NotNullWhen(true)] out BusSignal? signal)
    {
        signal = _events.TryRead(out VmmEvent? next, out _eventsEnded)
            ? new BusSignal(_options.ObjectPath, DBusObject.Interface, DBusObject.Event, next.ToIndentedJson())
            : null;
        return signal is not null;
    }

    [SuppressMessage("Design", "CA1031", Justification = "The thread's last resort: D-Bus ends with a reason, the VM goes on")]
    private void Run()
    {
        try
        {
            while (TryServe() && !_stop.WaitOne(_pause)) _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
        }
        catch (Exception e)
        {
            _log.LogError(e, "D-Bus: there is no D-Bus API any more");
        }
        finally
        {
            _events.Dispose();
            _ended.SetResult();
        }
    }

    /// <summary>Serves as long as the bus does.</summary>
    /// <returns>Whether to try again later.</returns>
    private bool TryServe()
    {
        try
        {
            string address = BusAddress.Of(_options.SystemBus, _environment);
            using IBusConnection connection = _connector.Create(address, _options.ServiceName, this);
            lock (_gate)
            {
                // Either the one who stops us sees the connection, or we see that we are to stop.
                if (_stop.WaitOne(0)) return false;
                _connection = connection;
            }

            connection.Run();
            return false;
        }
        catch (BusException e)
        {
            if (e.Message != _told) Tell(e);
            _told = e.Message;
            return !e.IsFinal;
        }
        finally
        {
            lock (_gate) _connection = null;
        }
    }

    private void Tell(BusException e)
    {
        string then = e.IsFinal ? "there is no D-Bus API" : "the D-Bus API is away until that has changed";
        _log.LogError("D-Bus: {Reason}. The VM goes on; {Then}", e.Message, then);
    }

    /// <summary>Any thread: there may be an event, or a command less.</summary>
    private void Wake()
    {
        lock (_gate) _connection?.Wake();
    }
}
