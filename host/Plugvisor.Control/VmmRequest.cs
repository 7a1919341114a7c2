namespace Plugvisor.Control;

/// <summary>
/// A command on its way through the loop. It gets exactly one answer: its result, its error, or that the VMM is shutting down.
/// </summary>
internal abstract class VmmRequest(VmmCommandKind kind)
{
    /// <summary>What is asked.</summary>
    public VmmCommandKind Kind => kind;

    /// <summary>Runs it and answers with its result. Control loop only.</summary>
    public abstract void Run(Vmm vmm);

    /// <summary>Answers with an error.</summary>
    public abstract void Fail(Exception error);
}
