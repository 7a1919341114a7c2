using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Plugvisor.Linux.Threads;

namespace Plugvisor.Control;

/// <summary>
/// The internal API: front ends submit commands from any thread, one loop runs them one after another, each gets exactly one answer.
/// What the guest asks for is handled first. The loop ends when the VMM is to end.
/// </summary>
public sealed class ControlLoop
{
    private static readonly TimeSpan s_lookAfter = TimeSpan.FromSeconds(1);

    private const int MaxWaiting = 64;   // more front-end requests than that wait in their front end

    private readonly Channel<VmmRequest> _commands = Channel.CreateBounded<VmmRequest>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly WaitFlag _work = new();   // a semaphore would spin first, on a processor that a vCPU needs
    private readonly GuestEvents _events;
    private readonly ILogger _log;
    private int? _exitCode;

    /// <summary>A loop that does not run yet.</summary>
    public ControlLoop(ILoggerFactory logs)
    {
        _log = logs.CreateLogger<ControlLoop>();
        _events = new GuestEvents(() => _work.Set());
    }

    /// <summary>Where machines report to.</summary>
    internal GuestEvents Events => _events;

    /// <summary>Submits a command and waits for its answer. Any thread, before the loop runs too.</summary>
    /// <param name="kind">What is asked; decides whether it is legal now.</param>
    /// <param name="action">Does it, on the loop's thread.</param>
    /// <param name="cancellation">The caller gave up: a command that still waits for its place in the queue is dropped.</param>
    /// <exception cref="VmmException">The command is not legal now, or the VMM is shutting down.</exception>
    /// <exception cref="Exception">Whatever the action threw.</exception>
    public Task<T> SubmitAsync<T>(VmmCommandKind kind, Func<Vmm, T> action, CancellationToken cancellation = default)
        where T : class?
    {
        var request = new VmmRequest<T>(kind, action);
        if (cancellation.IsCancellationRequested) return Task.FromCanceled<T>(cancellation);
        if (!_commands.Writer.TryWrite(request)) return WaitForPlaceAsync(request, cancellation);
        _work.Set();
        return request.Answer;
    }

    /// <summary>
    /// Submits a command that nobody waits for: for the start of the process, when the loop does not run yet and there is room. Any thread.
    /// </summary>
    /// <param name="kind">What is asked.</param>
    /// <param name="action">Does it, on the loop's thread.</param>
    /// <param name="failed">Hears why it failed, on the loop's thread.</param>
    /// <exception cref="VmmException">There is no room, or the VMM is shutting down.</exception>
    public void Post(VmmCommandKind kind, Action<Vmm> action, Action<Exception> failed)
    {
        if (!_commands.Writer.TryWrite(new PostedRequest(kind, action, failed))) throw new VmmException("Too many commands wait already");
        _work.Set();
    }

    /// <summary>Asks for the end of the VMM without waiting for it: a signal came. Any thread, any number of times, before the loop runs too.</summary>
    public void RequestShutdown() => _events.OnTerminate();

    /// <summary>Runs on the calling thread until the VMM is to end. Once.</summary>
    /// <returns>The process's exit code.</returns>
    public int Run(Vmm vmm)
    {
        long lookedAt = Environment.TickCount64;
        try
        {
            while (_exitCode is null)
            {
                if (_work.TryWait(s_lookAfter, TimeSpan.Zero)) _work.Reset();   // what comes from now on sets it again
                while (true)
                {
                    if (Environment.TickCount64 - lookedAt >= s_lookAfter.TotalMilliseconds)
                    {
                        lookedAt = Environment.TickCount64;
                        vmm.LookAfterDevices();
                    }

                    // Before each command, however many wait.
                    _exitCode = vmm.HandleGuestEvents(_events);
                    if (_exitCode is not null || !_commands.Reader.TryRead(out VmmRequest? request)) break;
                    Execute(vmm, request);
                    if (_exitCode is not null) break;
                }
            }

            return _exitCode.Value;
        }
        finally
        {
            // Also when the loop dies: nobody waits for an answer for ever.
            _commands.Writer.Complete();
            while (_commands.Reader.TryRead(out VmmRequest? late)) late.Fail(ShuttingDown());
        }
    }

    private async Task<T> WaitForPlaceAsync<T>(VmmRequest<T> request, CancellationToken cancellation)
        where T : class?
    {
        try
        {
            await _commands.Writer.WriteAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw ShuttingDown();
        }

        _work.Set();
        return await request.Answer.ConfigureAwait(false);
    }

    private static VmmException ShuttingDown() => new("The VMM is shutting down");

    [SuppressMessage("Design", "CA1031", Justification = "A command that throws answers its caller; the loop and the VM go on")]
    private void Execute(Vmm vmm, VmmRequest request)
    {
        try
        {
            if (AdmissionPolicy.Refusal(request.Kind, vmm.State) is { } refusal) throw refusal;
            request.Run(vmm);
            if (request.Kind == VmmCommandKind.ShutdownVmm) _exitCode = 0;
        }
        catch (Exception e)
        {
            if (e is not VmmException) _log.LogDebug(e, "{Command} failed", request.Kind);
            request.Fail(e);
        }
    }
}
