using System.Collections.Concurrent;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Testing.Devices;

/// <summary>The bus as a device sees it.</summary>
public sealed class MockTransport : IVirtioTransport, IDisposable
{
    private readonly ManualResetEventSlim _changed = new();
    private int _configChanges;

    /// <summary>How often the device changed its config space.</summary>
    public int ConfigChanges => Volatile.Read(ref _configChanges);

    /// <summary>The reasons for which the device needs a reset, in order; the real transport acts on the first only.</summary>
    public ConcurrentQueue<string> ResetReasons { get; } = new();

    /// <summary>Whether the device asked to be reset.</summary>
    public bool IsLatched => !ResetReasons.IsEmpty;

    /// <inheritdoc/>
    public void SignalConfigChange()
    {
        Interlocked.Increment(ref _configChanges);
        _changed.Set();
    }

    /// <inheritdoc/>
    public void NeedsReset(string reason) => ResetReasons.Enqueue(reason);

    /// <summary>Waits for the first config change.</summary>
    public bool WaitForConfigChange(TimeSpan time) => _changed.Wait(time);

    /// <inheritdoc/>
    public void Dispose() => _changed.Dispose();
}
