using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// Exchanges the code of some devices, all or none. The steps run on a thread of their own, all on the same, because each change of threads is time in which the guest waits; when one does not come
/// back, the control loop leaves that thread behind and puts things right itself.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Not disposed: a call that comes back late still sets the event")]
internal sealed class ExchangeRun
{
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly List<DeviceExchange> _exchanges;
    private readonly TimeSpan _deadline;
    private DeviceExchange? _at;     // whose plugin is being called, and since when; all under the lock
    private Step _step;
    private long _since;
    private bool _abandoned;
    private DeviceException? _error;
    private TimeSpan _stood;

    private ExchangeRun(List<DeviceExchange> exchanges, TimeSpan deadline)
    {
        _exchanges = exchanges;
        _deadline = deadline;
    }

    private enum Step
    {
        Stop,
        Prepare,
        Commit,
        Revert,
        End,
    }

    /// <summary>Exchanges devices. <see cref="DeviceExchange.Clean"/> each of them afterwards. Control loop.</summary>
    /// <param name="exchanges">The devices.</param>
    /// <param name="deadline">How long each step of each may take.</param>
    /// <returns>How long they stood still.</returns>
    /// <exception cref="DeviceException">One of them cannot be exchanged; all go on as before.</exception>
    public static TimeSpan Run(List<DeviceExchange> exchanges, TimeSpan deadline)
    {
        var run = new ExchangeRun(exchanges, deadline);
        run.Begin();
        return run.Await();
    }

    private void Begin()
    {
        _since = Stopwatch.GetTimestamp();
        var thread = new Thread(Execute, maxStackSize: 256 * 1024) { Name = "exchange", IsBackground = true };
        thread.Start();
    }

    private TimeSpan Await()
    {
        // Stopping has a bound of its own, which is to come first.
        TimeSpan patience = 2 * _deadline + TimeSpan.FromMilliseconds(100);
        TimeSpan left = _deadline;
        while (!_ended.Wait(left))
        {
            lock (_lock)
            {
                left = (_step == Step.Stop ? patience : _deadline) - Stopwatch.GetElapsedTime(_since);
                if (left > TimeSpan.Zero) continue;
                if (_ended.IsSet) break;
                _abandoned = true;
            }

            Recover();
            break;
        }

        return _error is null ? _stood : throw _error;
    }

    /// <summary>On the run's thread.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends the exchange and nothing else")]
    private void Execute()
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            foreach (DeviceExchange exchange in _exchanges)
            {
                if (!Enter(exchange, Step.Stop)) return;
                exchange.Stop(_deadline);
            }

            foreach (DeviceExchange exchange in _exchanges)
            {
                if (!Enter(exchange, Step.Prepare)) return;
                IDevice successor = exchange.Make();
                if (!Enter(exchange, Step.Prepare))
                {
                    successor.Dispose();   // it came too late
                    return;
                }

                exchange.Adopt(successor);
            }

            foreach (DeviceExchange exchange in _exchanges)
            {
                if (!Enter(exchange, Step.Commit)) return;
                exchange.Commit(_deadline);
            }

            _stood = Stopwatch.GetElapsedTime(start);   // all of them serve the guest again
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                if (_abandoned) return;
                _error = _at!.Refused(e);
            }

            foreach (DeviceExchange exchange in _exchanges)
            {
                if (!Enter(exchange, Step.Revert)) return;
                exchange.Revert();
            }
        }

        foreach (DeviceExchange exchange in _exchanges)
        {
            if (!Enter(exchange, Step.End)) return;
            exchange.End();
        }

        lock (_lock) _ended.Set();
    }

    /// <returns>False when nobody waits for this thread any more: it has to end, and to leave everything alone.</returns>
    private bool Enter(DeviceExchange exchange, Step step)
    {
        lock (_lock)
        {
            if (_abandoned) return false;
            _at = exchange;
            _step = step;
            _since = Stopwatch.GetTimestamp();
            return true;
        }
    }

    /// <summary>The run's thread hangs in a plugin.</summary>
    private void Recover()
    {
        // Once the devices are about to go on it is decided which instances they go on with.
        if (_step != Step.End) Undo();
        foreach (DeviceExchange exchange in _exchanges) exchange.End();
    }

    private void Undo()
    {
        string reason = $"{_at!.Call} did not return within {_deadline.TotalSeconds:0.##} s";
        _error ??= _at.Refused(new DeviceException(reason));
        if (_step is Step.Commit or Step.Revert) _at.Lose(reason);
        foreach (DeviceExchange exchange in _exchanges)
        {
            if (!BoundedCall.Run(nameof(DeviceExchange.Revert), exchange.Revert, _deadline, out string? stuck)) exchange.Lose(stuck!);
        }
    }
}
