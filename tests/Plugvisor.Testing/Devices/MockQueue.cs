using Plugvisor.Linux.Events;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Testing.Devices;

/// <summary>One queue of a device under test, from the driver's point of view. Made by <see cref="DriverHarness"/>.</summary>
public sealed class MockQueue : IQueueFault, IDisposable
{
    private readonly DriverHarness _harness;
    private Virtqueue? _deviceSide;

    internal MockQueue(DriverHarness harness, int index, DriverQueue driver)
    {
        _harness = harness;
        Index = index;
        Driver = driver;
    }

    /// <summary>Which queue it is.</summary>
    public int Index { get; }

    /// <summary>The ring, from the driver's side.</summary>
    public DriverQueue Driver { get; }

    /// <summary>The doorbell; <see cref="Kick"/> rings it when the device wants that.</summary>
    public EventFd Doorbell { get; } = new();

    /// <summary>The interrupt that the device raises.</summary>
    public MockInterrupt Interrupt { get; } = new();

    /// <summary>Whether the device serves it.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Where it stood when it was stopped last.</summary>
    public QueueState State { get; private set; }

    /// <summary>What the driver did to break it, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Chains that the device has taken and not given back. Meaningful while the queue is stopped.</summary>
    public int InFlight => _deviceSide?.InFlight ?? 0;

    /// <summary>Starts serving where it stood.</summary>
    public void Start()
    {
        _deviceSide = Driver.CreateDeviceSide(this, State);
        IsRunning = true;
        _harness.Device.StartQueue(Index, new QueueResources
        {
            Queue = _deviceSide,
            Doorbell = Doorbell,
            Interrupt = Interrupt,
            Addresses = new RingAddresses(Driver.DescriptorTable, Driver.AvailRing, Driver.UsedRing),
        });
    }

    /// <summary>Stops serving.</summary>
    public QueueState Stop()
    {
        State = _harness.Device.StopQueue(Index);
        IsRunning = false;
        return State;
    }

    /// <summary>Publishes what was added, and rings the doorbell if the device wants it.</summary>
    public void Kick()
    {
        if (Driver.Kick()) Doorbell.Signal();
    }

    /// <summary>Waits for the next chain that the device gives back, as a driver does: interrupts on, look again, wait.</summary>
    /// <exception cref="TimeoutException">None came within <see cref="DriverHarness.Deadline"/>.</exception>
    public UsedChain Collect()
    {
        while (true)
        {
            if (Driver.TryCollect(out UsedChain used)) return used;
            Interrupt.Clear();
            if (Driver.EnableInterrupts()) continue;
            if (Interrupt.Wait(DriverHarness.Deadline)) continue;
            if (Driver.TryCollect(out used))
                throw new TimeoutException($"queue {Index}: the chain was used, but its interrupt never came");
            throw new TimeoutException($"queue {Index}: no chain came back in time; {_harness.Describe()}");
        }
    }

    /// <summary>Adds one chain, kicks, and waits for it.</summary>
    /// <returns>Bytes that the device says it has written.</returns>
    public uint Call(params ReadOnlySpan<DriverBuffer> buffers)
    {
        ushort head = Driver.Add(buffers);
        Kick();
        while (true)
        {
            UsedChain used = Collect();
            if (used.Head == head) return used.Written;
        }
    }

    /// <inheritdoc/>
    void IQueueFault.OnFault(string reason)
    {
        Fault = reason;
        _harness.Transport.NeedsReset(reason);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Doorbell.Dispose();
        Interrupt.Dispose();
    }
}
