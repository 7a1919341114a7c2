using Plugvisor.Machine.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>Turns a malformed ring into a device that needs a reset.</summary>
internal sealed class QueueFault(DeviceLatch latch, int queue) : IQueueFault
{
    /// <inheritdoc/>
    public void OnFault(string reason) => latch.Set($"queue {queue}: {reason}");
}
