namespace Plugvisor.Control;

/// <summary>
/// A command on its way through the loop. It gets exactly one answer: its result, its error, or that the VMM is shutting down.
/// </summary>
internal sealed class VmmRequest(VmmCommandKind kind, object? argument)
{
    private readonly TaskCompletionSource<object?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is asked.</summary>
    public VmmCommandKind Kind => kind;

    /// <summary>What it is asked with; its type follows from the kind.</summary>
    public object? Argument => argument;

    /// <summary>The answer.</summary>
    public Task<object?> Answer => _answer.Task;

    /// <summary>Answers.</summary>
    public void Succeed(object? result) => _answer.SetResult(result);

    /// <summary>Answers with an error.</summary>
    public void Fail(Exception error) => _answer.SetException(error);
}
