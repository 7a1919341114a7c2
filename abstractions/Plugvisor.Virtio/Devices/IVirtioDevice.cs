using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Devices;

/// <summary>
/// A virtio device without its bus: the host owns registers, status machine, feature negotiation, MSI-X and doorbells, and calls
/// in here. Calls come one at a time for a device and in the order of the driver's life:
/// <see cref="Activate"/>, <see cref="StartQueue"/> for each enabled queue, then at any time <see cref="StopQueue"/> and
/// StartQueue again (pause and resume), and <see cref="Reset"/> after all queues were stopped. Config access may come at any
/// time, concurrently with those, on a vCPU thread.
/// </summary>
public interface IVirtioDevice : IDevice
{
    /// <summary>What the device is. Read once, after it was made.</summary>
    VirtioTraits Traits { get; }

    /// <summary>
    /// Reads device config space. The host has checked that the range lies inside <see cref="VirtioTraits.ConfigLength"/>.
    /// </summary>
    void ReadConfig(int offset, Span<byte> destination);

    /// <summary>Writes device config space; the range was checked. What is not writable is ignored.</summary>
    void WriteConfig(int offset, ReadOnlySpan<byte> source);

    /// <summary>The driver has set DRIVER_OK. No queue runs yet.</summary>
    /// <param name="features">The negotiated feature bits, a subset of what was offered.</param>
    /// <param name="transport">Config-change interrupts and the way to say that the device needs a reset.</param>
    void Activate(ulong features, IVirtioTransport transport);

    /// <summary>Starts serving a queue, at the indices that its ring carries. Must not wait for I/O.</summary>
    void StartQueue(int index, QueueResources resources);

    /// <summary>
    /// Stops serving a queue: takes no further chain, drains what is in flight, returns the indices. When it returns the device
    /// touches neither the ring nor a buffer of it any more. Idempotent: a queue that does not run answers its last state.
    /// </summary>
    QueueState StopQueue(int index);

    /// <summary>The driver reset the device: forget what was negotiated. All queues were stopped before.</summary>
    void Reset();
}
