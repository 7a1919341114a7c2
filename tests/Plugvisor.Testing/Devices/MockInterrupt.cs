using Plugvisor.Virtio.Queues;

namespace Plugvisor.Testing.Devices;

/// <summary>A queue's interrupt that a test can count and wait for.</summary>
public sealed class MockInterrupt : IQueueInterrupt, IDisposable
{
    private readonly ManualResetEventSlim _raised = new();
    private int _count;

    /// <summary>How often it was raised.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <inheritdoc/>
    public void Signal()
    {
        Interlocked.Increment(ref _count);
        _raised.Set();
    }

    /// <summary>Waits for an interrupt since the last <see cref="Clear"/>.</summary>
    public bool Wait(TimeSpan time) => _raised.Wait(time);

    /// <summary>Acknowledges it.</summary>
    public void Clear() => _raised.Reset();

    /// <inheritdoc/>
    public void Dispose() => _raised.Dispose();
}
