using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>Turns a malformed ring into a device that needs a reset.</summary>
internal sealed class QueueFault(VirtioLifecycle life, int queue) : IQueueFault
{
    /// <inheritdoc/>
    public void OnFault(string reason) => life.Latch($"queue {queue}: {reason}");
}
