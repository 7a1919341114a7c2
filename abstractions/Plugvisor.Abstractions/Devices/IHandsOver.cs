using System.Runtime.InteropServices;

namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// An optional power of a device that holds what a successor in the same process should not open anew: an image with its lock, a tap interface, a connected
/// socket, a mapping's file. The new instance gets duplicates of it as <see cref="DeviceRequest.Inherited"/>. Both exist for a while, this one with stopped queues: first
/// the new one is made, activated and started, then this one hears <see cref="HandedOver"/> and is disposed.
/// </summary>
public interface IHandsOver : ISnapshottable
{
    /// <summary>
    /// The descriptors, in an order that is part of what <see cref="ISnapshottable.Save"/> means. Read after that, on the same thread. They stay this device's, which may go on
    /// with them when its successor cannot start; the host duplicates them (F_DUPFD_CLOEXEC), so locks, offsets and flags of the open file are shared.
    /// </summary>
    IReadOnlyList<SafeHandle> Handover { get; }

    /// <summary>
    /// The successor serves the guest. Only <see cref="IDisposable.Dispose"/> follows, which closes this device's descriptors but undoes nothing that the successor relies on: it
    /// unlocks no file, removes no interface, unlinks no socket. Without this call (the device is removed, or goes on after all) Dispose does all of that as ever.
    /// On the control loop's thread; must not throw.
    /// </summary>
    void HandedOver();

    /// <summary>
    /// This instance has an earlier one's place for good. Until then it undoes nothing of what it inherited when it is disposed (it unlocks no file, unlinks no socket), because
    /// the earlier one may have to go on with it; from now on that is its own to undo. After <see cref="HandedOver"/> of the earlier one, on the same thread; must not throw.
    /// </summary>
    void TookOver() { }
}
