using Plugvisor.Linux.Events;
using Plugvisor.Linux.Threads;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <summary>
/// A queue as the host wants it and as the back end has it. What is wanted changes under the link's lock; the rest belongs to the link's thread.
/// </summary>
internal sealed class Ring : IDisposable
{
    /// <summary>A ring that was never started.</summary>
    public Ring() => Stopped.Set();

    /// <summary>The host has started it. Under the lock.</summary>
    public bool IsWanted { get; set; }

    /// <summary>What the host gave at the last start. Under the lock.</summary>
    public QueueResources? Resources { get; set; }

    /// <summary>Set while nobody serves it. Cleared under the lock.</summary>
    public WaitFlag Stopped { get; } = new();

    /// <summary>Where it stands; to be read while it is stopped.</summary>
    public QueueState State { get; set; }

    /// <summary>The back end of this session serves it.</summary>
    public bool IsServed { get; set; }

    /// <summary>An earlier session served it and was lost, so only the used ring says where it stands.</summary>
    public bool IsOrphan { get; set; }

    /// <summary>Signalled by the back end when it cannot go on with the ring.</summary>
    public EventFd? Error { get; set; }

    /// <summary>Signalled by the back end where the interrupt has no eventfd of its own.</summary>
    public EventFd? Relay { get; set; }

    /// <summary>Signalled by the host when the interrupt has another eventfd.</summary>
    public EventFd? Changed { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Error?.Dispose();
        Relay?.Dispose();
        Changed?.Dispose();
    }
}
