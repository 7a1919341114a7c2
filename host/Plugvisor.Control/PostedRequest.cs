namespace Plugvisor.Control;

/// <summary>A command whose answer nobody awaits.</summary>
/// <param name="kind">What is asked.</param>
/// <param name="action">Does it.</param>
/// <param name="failed">Hears why it failed.</param>
internal sealed class PostedRequest(VmmCommandKind kind, Action<Vmm> action, Action<Exception> failed) : VmmRequest(kind)
{
    /// <inheritdoc/>
    public override void Run(Vmm vmm) => action(vmm);

    /// <inheritdoc/>
    public override void Fail(Exception error) => failed(error);
}
