namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// One slot of a counter: a single thread adds, any thread reads. Plain add and store, no interlocked operation,
/// because the data path pays for it.
/// </summary>
public sealed class DeviceCounter
{
    private ulong _value;

    /// <summary>The count so far.</summary>
    public ulong Value => Volatile.Read(ref _value);

    /// <summary>Adds; only the thread that owns the slot.</summary>
    public void Add(ulong amount) => Volatile.Write(ref _value, _value + amount);
}
