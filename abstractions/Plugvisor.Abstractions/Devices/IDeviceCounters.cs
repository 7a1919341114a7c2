namespace Plugvisor.Abstractions.Devices;

/// <summary>Registers what a device counts. Called while the device is made or its queues start, not on the data path.</summary>
public interface IDeviceCounters
{
    /// <summary>
    /// A new slot of the counter <paramref name="name"/>. Each queue takes a slot of its own; the reader sums the slots of a name.
    /// </summary>
    DeviceCounter Add(string name);

    /// <summary>A value computed when it is read, on the control loop's thread. Replaces an earlier one of that name.</summary>
    void AddGauge(string name, Func<ulong> read);
}
