using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Plugvisor.Control;

/// <summary>
/// The internal API: front ends submit commands from any thread, one loop runs them one after another, each gets exactly one answer.
/// What the guest asks for is handled first. The loop ends when the VMM is to end.
/// </summary>
public sealed class ControlLoop : IDisposable
{
    private const int MaxWaiting = 64;   // more front-end requests than that wait in their front end

    private readonly Channel<VmmRequest> _commands = Channel.CreateBounded<VmmRequest>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly SemaphoreSlim _work = new(0);
    private readonly GuestEvents _events;
    private readonly ILogger _log;
    private int? _exitCode;

    /// <summary>A loop that does not run yet.</summary>
    public ControlLoop(ILoggerFactory logs)
    {
        _log = logs.CreateLogger<ControlLoop>();
        _events = new GuestEvents(() => _work.Release());
    }

    /// <summary>Where machines report to.</summary>
    internal GuestEvents Events => _events;

    /// <summary>Submits a command and waits for its answer. Any thread.</summary>
    /// <exception cref="VmmException">The command is not legal now, failed, or the VMM is shutting down.</exception>
    public async Task<object?> SubmitAsync(VmmCommandKind kind, object? argument = null, CancellationToken cancellation = default)
    {
        var request = new VmmRequest(kind, argument);
        try
        {
            await _commands.Writer.WriteAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new VmmException("The VMM is shutting down");
        }

        _work.Release();
        return await request.Answer.ConfigureAwait(false);
    }

    /// <summary>Asks for the end of the VMM without waiting for it: a signal came. Any thread, any number of times, before the loop runs too.</summary>
    public void RequestShutdown() => _events.OnTerminate();

    /// <summary>Runs until the VMM is to end. Once.</summary>
    /// <returns>The process's exit code.</returns>
    public async Task<int> RunAsync(Vmm vmm)
    {
        while (_exitCode is null)
        {
            await _work.WaitAsync().ConfigureAwait(false);
            _exitCode = vmm.HandleGuestEvents(_events);
            if (_exitCode is null && _commands.Reader.TryRead(out VmmRequest? request)) Execute(vmm, request);
        }

        _commands.Writer.Complete();
        while (_commands.Reader.TryRead(out VmmRequest? late)) late.Fail(new VmmException("The VMM is shutting down"));
        return _exitCode.Value;
    }

    /// <inheritdoc/>
    public void Dispose() => _work.Dispose();

    [SuppressMessage("Design", "CA1031", Justification = "A command that throws answers its caller; the loop and the VM go on")]
    private void Execute(Vmm vmm, VmmRequest request)
    {
        try
        {
            if (AdmissionPolicy.Refusal(request.Kind, vmm.State) is { } refusal) throw new VmmException(refusal);
            object? result = vmm.Execute(request.Kind, request.Argument);
            if (request.Kind == VmmCommandKind.ShutdownVmm) _exitCode = 0;
            request.Succeed(result);
        }
        catch (Exception e)
        {
            if (e is not VmmException) _log.LogDebug(e, "{Command} failed", request.Kind);
            request.Fail(e);
        }
    }
}
