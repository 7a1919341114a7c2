using Plugvisor.Linux.Events;

namespace Plugvisor.Plugins.VirtioBlk.Engines;

/// <summary>
/// Does the I/O of one queue. Made, used and disposed on the queue's own thread; only <see cref="Wake"/> comes from others.
/// </summary>
internal abstract unsafe class BlockEngine : IDisposable
{
    private readonly EventFd _control = new();

    /// <summary>Raised to end a <see cref="Wait"/> from another thread.</summary>
    protected EventFd Control => _control;

    /// <summary>Listens to a doorbell, in place of the one before.</summary>
    public abstract void Attach(EventFd doorbell);

    /// <summary>Starts the operation that <paramref name="request"/> describes. It completes under <paramref name="slot"/>.</summary>
    public abstract void Submit(Request* request, int slot);

    /// <summary>Gets what was submitted going and completions in reach of <see cref="TryTake"/>, without waiting. Cheap when there is neither.</summary>
    public abstract void Kick();

    /// <summary>Whether a completion or a wake-up is likely there. Cheap: reads memory only.</summary>
    public abstract bool HasEvents { get; }

    /// <summary>Takes a completion.</summary>
    /// <param name="slot">The slot of the submission.</param>
    /// <param name="result">Bytes, 0, or a negative errno.</param>
    public abstract bool TryTake(out int slot, out int result);

    /// <summary>Gets what was submitted going and waits for a completion, the doorbell or <see cref="Wake"/>.</summary>
    /// <param name="timeoutNanoseconds">Bound for the wait; negative for none.</param>
    public abstract void Wait(long timeoutNanoseconds);

    /// <summary>Ends a <see cref="Wait"/> under way, or the next one. Any thread, until the engine is disposed.</summary>
    public virtual void Wake() => _control.Signal();

    /// <inheritdoc/>
    public virtual void Dispose() => _control.Dispose();
}
