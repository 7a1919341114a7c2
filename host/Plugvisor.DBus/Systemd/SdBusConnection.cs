using System.Diagnostics;
using Plugvisor.DBus.Bus;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>
/// A connection, whose thread is the only one that touches sd-bus. It waits on the bus and on <see cref="SdBusMail"/>, in which other threads leave
/// replies.
/// </summary>
internal sealed class SdBusConnection(string address, string name, IBusService service) : IBusConnection
{
    // Messages handled between two looks at the mail, so that a flood of calls does not keep replies waiting.
    private const int Round = 64;

    // Signals that libsystemd may hold for a bus that does not read; the others wait with the service.
    private const int MaxUnsent = 64;

    private const int EINVAL = 22, EPIPE = 32, ECONNRESET = 104, ENOTCONN = 107, ESHUTDOWN = 108;
    private const ulong BusSource = 0, MailSource = 1;

    private static readonly TimeSpan GreetingLimit = TimeSpan.FromSeconds(25);   // libdbus's and libsystemd's own limit for a call
    private static readonly TimeSpan LastWordsLimit = TimeSpan.FromSeconds(1);

    private readonly SdBusMail _mail = new();
    private readonly HashSet<SdBusCall> _unanswered = [];

    /// <inheritdoc/>
    public void Wake() => _mail.Wake();

    /// <inheritdoc/>
    public void Stop() => _mail.Stop();

    /// <inheritdoc/>
    public void Dispose() => _mail.Dispose();

    /// <inheritdoc/>
    public void Run()
    {
        bool owned = false;
        try
        {
            Serve(ref owned);
        }
        catch (LinuxException e)
        {
            // Sending can find out that the bus is gone before reading does.
            if (owned && e.Errno is (EPIPE or ECONNRESET or ENOTCONN or ESHUTDOWN)) throw new BusException(NameClaim.Closed);
            // libsystemd says EINVAL of an address that it does not understand, and will always.
            throw owned
                ? new BusException($"the connection to the bus broke: {e.Message}")
                : new BusException($"no connection to the bus at {address}: {e.Message}", isFinal: e.Errno == EINVAL);
        }
        finally
        {
            _mail.Dispose();
        }
    }

    private void Serve(ref bool owned)
    {
        using SdBus bus = SdBus.Connect(address);
        try
        {
            using var ready = new Epoll();
            ready.Set(_mail.Descriptor, EpollEvents.Readable, MailSource);
            var claim = new NameClaim(bus, name);
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                bool more = Step(bus, claim);
                // Behind the step, which takes the wake-up that came with it: the wait below would not end.
                if (_mail.IsStopping) break;
                if (!owned && claim.IsOwned)
                {
                    owned = true;
                    service.OnOwned();
                    continue;
                }

                TimeSpan? limit = owned ? null : GreetingLimit - Stopwatch.GetElapsedTime(start);
                if (limit < TimeSpan.Zero) throw new BusException($"the bus at {address} does not answer");
                Wait(bus, ready, more ? TimeSpan.Zero : limit);
            }

            SayLastWords(bus, claim, ready);
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

        while (_mail.Take() is { } call) Send(bus, call);
        while (claim.IsOwned && bus.Unsent < MaxUnsent && service.TryTakeSignal(out BusSignal? signal)) Send(bus, signal);
        return more;
    }

    private void Handle(SdBusMessage message, NameClaim claim)
    {
        SdBusCall? call = null;
        try
        {
            if (message.Kind == SdBusMessageKind.MethodCall)
            {
                call = new SdBusCall(message, _mail);
                _unanswered.Add(call);
                service.OnCall(call);
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

    private void Send(SdBus bus, SdBusCall call)
    {
        _unanswered.Remove(call);
        using SdBusMessage message = call.Message;
        using SdBusMessage answer = Encode(message, call.Answer);
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

    /// <summary>Waits for the bus or for mail, no longer than the limit; for ever without one.</summary>
    private static void Wait(SdBus bus, Epoll ready, TimeSpan? limit)
    {
        // Asked for anew each time: while it connects, libsystemd goes from one of several addresses to the next.
        ready.Set(bus.Descriptor, bus.Wanted, BusSource);
        double milliseconds = limit?.TotalMilliseconds ?? -1;
        if (bus.Due is { } due)
        {
            // Stopwatch counts CLOCK_MONOTONIC too.
            double now = Stopwatch.GetTimestamp() * 1e6 / Stopwatch.Frequency, left = Math.Clamp((due - now) / 1e3, 0, 60_000);
            if (milliseconds < 0 || left < milliseconds) milliseconds = left;
        }

        Span<EpollEvent> events = stackalloc EpollEvent[2];
        _ = ready.Wait(events, (int)Math.Ceiling(milliseconds));
    }

    /// <summary>The last replies and signals, as far as the bus takes them in time.</summary>
    private void SayLastWords(SdBus bus, NameClaim claim, Epoll ready)
    {
        long start = Stopwatch.GetTimestamp();
        while (claim.IsOwned)
        {
            bool more = Step(bus, claim);
            if (service.IsDone)
            {
                // The last replies may have been left since that step.
                _ = Step(bus, claim);
                if (bus.Unsent == 0) return;
            }

            TimeSpan left = LastWordsLimit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return;
            Wait(bus, ready, more ? TimeSpan.Zero : left);
        }
    }
}
