using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// The world that is handed to a device. Valid from <see cref="IDevicePlugin.Create"/> until the device is disposed.
/// Every member may be used from any thread.
/// </summary>
public interface IDeviceHost
{
    /// <summary>Guest RAM as this device may see it.</summary>
    GuestMemory Memory { get; }

    /// <summary>The log; lines carry the device's id.</summary>
    IDeviceLog Log { get; }

    /// <summary>The device's entries in <c>vm.counters</c>.</summary>
    IDeviceCounters Counters { get; }

    /// <summary>Clock and timers; tests replace it.</summary>
    TimeProvider Clock { get; }

    /// <summary>
    /// Starts a named thread for the device. An exception that leaves <paramref name="body"/> ends the device
    /// (as <see cref="Fail"/> does), never the VMM. The device makes the thread end before its Dispose returns.
    /// </summary>
    /// <param name="name">At most 15 bytes are visible in <c>ps</c>; by custom <c>ID_q0</c>.</param>
    /// <param name="body">Runs once, on the new thread.</param>
    Thread StartThread(string name, Action body);

    /// <summary>The device cannot go on: it is latched, the guest sees that it needs a reset, one line goes to the log.</summary>
    void Fail(string reason);

    /// <summary>An optional service of the host (rate-limit groups, terminal, received files), or null where it is not offered.</summary>
    T? Service<T>() where T : class;
}
