using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.DBus.Bus;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>
/// A connection and its thread, the only one that touches sd-bus. It waits on the bus and on <see cref="SdBusMail"/>, in which other threads leave
/// replies and signals.
/// </summary>
internal sealed class SdBusConnection(string address, string name, Action<IBusCall> calls) : IBusConnection
{
    // Messages handled between two looks at the mail, so that a flood of calls does not keep replies waiting.
    private const int Round = 64;

    // Signals that libsystemd may hold for a bus that does not read; the others wait with their senders.
    private const int MaxUnsent = 64;

    private const ulong BusSource = 0, MailSource = 1;

    private static readonly TimeSpan GreetingLimit = TimeSpan.FromSeconds(25);   // libdbus's and libsystemd's own limit for a call
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(1);

    private readonly SdBusMail _mail = new();
    private readonly HashSet<SdBusCall> _unanswered = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _started;

    /// <inheritdoc/>
    public Task<string> Lost => _lost.Task;

    /// <summary>Starts the thread. Once.</summary>
    /// <returns>Ends when the name is owned.</returns>
    /// <exception cref="BusException">The connection or the name could not be had.</exception>
    public Task StartAsync()
    {
        _started = true;
        new Thread(Run, maxStackSize: 256 * 1024) { Name = "dbus-thread", IsBackground = true }.Start();
        return _ready.Task;
    }

    /// <inheritdoc/>
    public Task EmitAsync(BusSignal signal) => _mail.Post(signal);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _mail.Stop();
        if (_started) await _ended.Task.ConfigureAwait(false);
        _mail.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "The thread's last resort: D-Bus ends with a reason, the VM goes on")]
    private void Run()
    {
        try
        {
            Serve();
            _ready.TrySetException(new BusException("the connection was given up"));
        }
        catch (BusException e)
        {
            if (!_ready.TrySetException(e)) _lost.TrySetResult(e.Message);
        }
        catch (Exception e)
        {
            string reason = _ready.Task.IsCompleted ? $"the connection to the bus broke: {e.Message}" : $"no connection to the bus at {address}: {e.Message}";
            // EINVAL: libsystemd does not understand the address, and never will.
            if (!_ready.TrySetException(new BusException(reason, isFinal: e is LinuxException { Errno: 22 }))) _lost.TrySetResult(reason);
        }
        finally
        {
            _mail.Close();
            _ended.TrySetResult();
            // Nobody may be looking at these any more.
            _ = _ready.Task.Exception;
        }
    }

    private void Serve()
    {
        using SdBus bus = SdBus.Connect(address);
        try
        {
            using var ready = new Epoll();
            ready.Set(_mail.Descriptor, EpollEvents.Readable, MailSource);
            var claim = new NameClaim(bus, name);
            var clock = Stopwatch.StartNew();
            while (!_mail.IsStopping)
            {
                bool more = Step(bus, claim);
                if (!_ready.Task.IsCompleted)
                {
                    if (claim.IsOwned) _ready.SetResult();
                    else if (clock.Elapsed > GreetingLimit) throw new BusException($"the bus at {address} does not answer");
                }

                TimeSpan limit = more ? TimeSpan.Zero : claim.IsOwned ? Timeout.InfiniteTimeSpan : GreetingLimit - clock.Elapsed;
                Wait(bus, ready, limit);
            }

            Flush(bus, claim, ready);
        }
        finally
        {
            foreach (SdBusCall call in _unanswered) call.Message.Dispose();
            _unanswered.Clear();
        }
    }

    /// <summary>Handles what has come and sends what is ready.</summary>
    /// <returns>Whether more has come already.</returns>
    private bool Step(SdBus bus, NameClaim claim)
    {
        _mail.Awake();
        bool more = true;
        for (int i = 0; i < Round && more; i++)
        {
            more = bus.Process(out SdBusMessage? message);
            if (message is not null) Handle(message, claim);
        }

        while (_mail.TryTakeReply(out SdBusCall call, out BusReply reply)) Send(bus, call, reply);
        while (bus.Unsent < MaxUnsent && _mail.TryTakeSignal(out BusSignal signal)) Send(bus, signal);
        return more;
    }

    private void Handle(SdBusMessage message, NameClaim claim)
    {
        SdBusCall? call = null;
        try
        {
            if (message.Kind == SdBusMessageKind.MethodCall)
            {
                call = new SdBusCall(message, _mail.Post);
                _unanswered.Add(call);
                calls(call);
            }
            else
            {
                claim.Handle(message);
            }
        }
        finally
        {
            if (call is null) message.Dispose();
        }
    }

    private void Send(SdBus bus, SdBusCall call, BusReply reply)
    {
        if (!_unanswered.Remove(call)) return;
        using SdBusMessage message = call.Message;
        using SdBusMessage answer = Encode(message, reply);
        bus.SendOneWay(answer);
    }

    private static SdBusMessage Encode(SdBusMessage call, BusReply reply)
    {
        if (reply.Kind == BusReplyKind.Error) return call.NewError(reply.ErrorName, reply.ErrorMessage);
        SdBusMessage answer = call.NewReply();
        try
        {
            if (reply.Kind == BusReplyKind.Text) answer.Append(reply.Result.Span);
            else if (reply.Kind == BusReplyKind.NoProperties) answer.AppendEmptyArray("{sv}");
            return answer;
        }
        catch (LinuxException e)
        {
            answer.Dispose();
            return call.NewError(StandardNames.IOError, $"The result cannot be sent: {e.Message}");
        }
    }

    private static void Send(SdBus bus, BusSignal signal)
    {
        using SdBusMessage message = bus.NewSignal(signal.Path, signal.Interface, signal.Member);
        message.Append(signal.Argument.Span);
        bus.SendOneWay(message);
    }

    private void Wait(SdBus bus, Epoll ready, TimeSpan limit)
    {
        // Asked for anew each time: while it connects, libsystemd goes from one of several addresses to the next.
        ready.Set(bus.Descriptor, bus.Wanted, BusSource);
        if (bus.Due is { } due)
        {
            // Stopwatch counts CLOCK_MONOTONIC too.
            long now = (long)(Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1e6));
            TimeSpan left = TimeSpan.FromMicroseconds(Math.Clamp((long)Math.Min(due, long.MaxValue) - now, 0, (long)1e9));
            if (limit == Timeout.InfiniteTimeSpan || left < limit) limit = left;
        }

        Span<EpollEvent> events = stackalloc EpollEvent[2];
        int milliseconds = limit == Timeout.InfiniteTimeSpan ? -1 : Math.Max(0, (int)Math.Ceiling(limit.TotalMilliseconds));
        _ = ready.Wait(events, milliseconds);
    }

    /// <summary>The last replies and signals, as far as the bus takes them in time.</summary>
    private void Flush(SdBus bus, NameClaim claim, Epoll ready)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < FlushLimit)
        {
            bool more = Step(bus, claim);
            if (bus.Unsent == 0 && !_mail.HasPost) return;
            Wait(bus, ready, more ? TimeSpan.Zero : FlushLimit - clock.Elapsed);
        }
    }
}
