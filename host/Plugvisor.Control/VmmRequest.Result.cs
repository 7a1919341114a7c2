namespace Plugvisor.Control;

/// <summary>A command with a result.</summary>
/// <param name="kind">What is asked.</param>
/// <param name="action">Does it. What it throws is the answer.</param>
internal sealed class VmmRequest<T>(VmmCommandKind kind, Func<Vmm, T> action) : VmmRequest(kind)
    where T : class?
{
    // The caller goes on on a thread of its own: the loop's is not lent to whoever waits.
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The answer.</summary>
    public Task<T> Answer => _answer.Task;

    /// <inheritdoc/>
    public override void Run(Vmm vmm) => _answer.SetResult(action(vmm));

    /// <inheritdoc/>
    public override void Fail(Exception error) => _answer.TrySetException(error);
}
