using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Control.Events;
using Plugvisor.DBus.Bus;
using Plugvisor.DBus.Systemd;

namespace Plugvisor.DBus;

/// <summary>
/// The API on D-Bus: interface reference section 3. Whatever the bus does, the VM goes on: a bus that is not there, or goes away, is told in the log
/// and looked for again; a name that somebody else owns is told and left to him.
/// </summary>
public sealed class DBusApi : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LastWordsLimit = TimeSpan.FromSeconds(1);

    private readonly DBusOptions _options;
    private readonly DBusObject _object;
    private readonly EventSubscription _events;
    private readonly ILogger _log;
    private readonly IBusConnector _connector;
    private readonly Func<string, string?> _environment;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _serving = Task.CompletedTask, _emitting = Task.CompletedTask;
    private int _disposed;
    private volatile IBusConnection? _connection;

    /// <summary>An API that is not started.</summary>
    /// <param name="options">Where it is to be.</param>
    /// <param name="api">What it offers.</param>
    /// <param name="events">What it tells in signals. The API's now.</param>
    /// <param name="logs">Where it says what is wrong.</param>
    public DBusApi(DBusOptions options, IVmmApi api, EventSubscription events, ILoggerFactory logs)
        : this(options, api, events, logs, new SdBusConnector(), Environment.GetEnvironmentVariable, TimeProvider.System)
    {
    }

    internal DBusApi(
        DBusOptions options, IVmmApi api, EventSubscription events, ILoggerFactory logs, IBusConnector connector,
        Func<string, string?> environment, TimeProvider time)
    {
        _options = options;
        _object = new DBusObject(options.ObjectPath, api);
        _events = events;
        _log = logs.CreateLogger<DBusApi>();
        _connector = connector;
        _environment = environment;
        _time = time;
    }

    private string BusName => _options.SystemBus ? "system bus" : "session bus";

    /// <summary>Starts and returns at once: nothing waits for the bus. Once.</summary>
    public void Start()
    {
        _serving = Task.Run(ServeAsync);
        _emitting = Task.Run(EmitAsync);
    }

    /// <summary>Lets the last commands answer and the last events out, within a second, and leaves the bus.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        Task limit = Task.Delay(LastWordsLimit, _time);
        await Task.WhenAny(_object.WhenIdle(), limit).ConfigureAwait(false);
        _events.Dispose();   // the events until now are still read
        await Task.WhenAny(_emitting, limit).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _serving.ConfigureAwait(false);
        await _emitting.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        TimeSpan pause = FirstPause;
        string? told = null;
        try
        {
            while (true)
            {
                try
                {
                    await ServeOnceAsync(() => (pause, told) = (FirstPause, null)).ConfigureAwait(false);
                }
                catch (BusException e)
                {
                    if (e.Message != told) Tell(e);
                    told = e.Message;
                    if (e.IsFinal) return;
                }

                _tried.TrySetResult();
                await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The VMM ends.
        }
        finally
        {
            _tried.TrySetResult();
        }
    }

    private async Task ServeOnceAsync(Action connected)
    {
        string address = BusAddress.Of(_options.SystemBus, _environment);
        await using IBusConnection connection =
            await _connector.ConnectAsync(address, _options.ServiceName, _object.OnCall, _stop.Token).ConfigureAwait(false);
        connected();
        _connection = connection;
        _tried.TrySetResult();
        _log.LogInformation("D-Bus API: {Name} {Path} on the {Bus}", _options.ServiceName, _options.ObjectPath, BusName);
        try
        {
            throw new BusException(await connection.Lost.WaitAsync(_stop.Token).ConfigureAwait(false));
        }
        finally
        {
            _connection = null;
        }
    }

    private void Tell(BusException e)
    {
        string then = e.IsFinal ? "there is no D-Bus API" : "the D-Bus API is away until that has changed";
        _log.LogError("D-Bus: {Reason}. The VM goes on; {Then}", e.Message, then);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Events that end with an error end the signals, not the VMM")]
    private async Task EmitAsync()
    {
        try
        {
            // Events of the start wait for the first connection; without one, and later while there is none, nobody could hear them.
            await _tried.Task.ConfigureAwait(false);
            await foreach (VmmEvent next in _events.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (_connection is { } connection)
                    await connection.EmitAsync(new BusSignal(_options.ObjectPath, DBusObject.Interface, DBusObject.Event, next.ToIndentedJson()))
                        .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The VMM ends.
        }
        catch (Exception e)
        {
            _log.LogError(e, "D-Bus: no more Event signals");
        }
    }
}
