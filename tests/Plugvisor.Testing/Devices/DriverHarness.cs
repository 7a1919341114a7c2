using System.Diagnostics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Files;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Testing.Devices;

/// <summary>
/// A virtio device without a VM, driven as the host and a guest's driver drive it: activate, start queues, call, stop, reset.
/// One thread uses it; the device has its own threads. Nothing here waits longer than <see cref="Deadline"/>.
/// <code>
/// using var ram = new GuestMemoryMock();
/// var host = new MockDeviceHost(ram);
/// using var harness = new DriverHarness(new MyDevice(host), host);
/// harness.Start();
/// ulong buffer = ram.Allocate(512);
/// uint written = harness.Queues[0].Call(DriverBuffer.Writable(buffer, 512));
/// </code>
/// </summary>
public sealed class DriverHarness : IDisposable
{
    /// <summary>No step of a healthy device takes this long, not even on a busy machine.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private MockQueue[] _queues = [];
    private ulong _features;
    private bool _disposed;

    /// <summary>Takes a device over; it is disposed with the harness.</summary>
    /// <param name="device">Newly made, not activated.</param>
    /// <param name="host">What it was made with.</param>
    public DriverHarness(IVirtioDevice device, MockDeviceHost host)
    {
        Device = device;
        Host = host;
    }

    /// <summary>The device.</summary>
    public IVirtioDevice Device { get; private set; }

    /// <summary>Its world.</summary>
    public MockDeviceHost Host { get; private set; }

    /// <summary>Its bus; a new one after each <see cref="Reset"/>.</summary>
    public MockTransport Transport { get; private set; } = new();

    /// <summary>Its queues; new ones after each <see cref="Reset"/>, empty before <see cref="Activate"/>.</summary>
    public IReadOnlyList<MockQueue> Queues => _queues;

    /// <summary>Negotiates features and makes the queues; none runs yet.</summary>
    /// <param name="without">Feature bits of the device that the driver does not take.</param>
    public void Activate(ulong without = 0)
    {
        ulong features = (Device.Traits.Features | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1)) & ~without;
        var queues = new MockQueue[Device.Traits.QueueSizes.Count];
        for (int i = 0; i < queues.Length; i++)
            queues[i] = new MockQueue(this, i, new DriverQueue(Host.Ram, Device.Traits.QueueSizes[i], features));
        _queues = queues;
        _features = features;
        Device.Activate(features, Transport);
    }

    /// <summary><see cref="Activate"/>, then starts every queue.</summary>
    /// <param name="without">Feature bits of the device that the driver does not take.</param>
    public void Start(ulong without = 0)
    {
        Activate(without);
        foreach (MockQueue queue in _queues) queue.Start();
    }

    /// <summary>Stops every queue that runs.</summary>
    public void Stop()
    {
        foreach (MockQueue queue in _queues)
        {
            if (queue.IsRunning) queue.Stop();
        }
    }

    /// <summary>Starts every queue that is stopped, where it stood.</summary>
    public void Resume()
    {
        foreach (MockQueue queue in _queues)
        {
            if (!queue.IsRunning) queue.Start();
        }
    }

    /// <summary>
    /// Another instance takes over where this one stands, as when the host exchanges a plugin's code: queues stop, the state is saved, the successor is made, activated and
    /// started, then this one is disposed. The driver notices nothing.
    /// </summary>
    /// <param name="make">Makes the successor from state and descriptors, which the harness closes afterwards.</param>
    /// <param name="host">The successor's world, with the same RAM.</param>
    public void Replace(Func<ReadOnlyMemory<byte>, IReadOnlyList<SafeHandle>, IVirtioDevice> make, MockDeviceHost host)
    {
        Stop();
        IVirtioDevice earlier = Device;
        ReadOnlyMemory<byte> state = ((ISnapshottable)earlier).Save();
        var inherited = new List<SafeHandle>();
        foreach (SafeHandle handle in (earlier as IHandsOver)?.Handover ?? []) inherited.Add(FileDescriptor.Duplicate(handle));
        IVirtioDevice successor = make(state, inherited);
        foreach (SafeHandle handle in inherited) handle.Dispose();
        if (_queues.Length > 0) successor.Activate(_features, Transport);
        Device = successor;
        Host = host;
        Resume();
        (earlier as IHandsOver)?.HandedOver();
        (successor as IHandsOver)?.TookOver();
        earlier.Dispose();
    }

    /// <summary>The driver resets the device: queues stop, rings and negotiation are forgotten.</summary>
    public void Reset()
    {
        Stop();
        Device.Reset();
        ForgetQueues();
        Transport.Dispose();
        Transport = new MockTransport();
    }

    /// <summary>Waits until something holds.</summary>
    /// <param name="condition">Looked at again and again.</param>
    /// <param name="what">What is waited for, for the message.</param>
    /// <exception cref="TimeoutException">It did not hold within <see cref="Deadline"/>.</exception>
    public void WaitFor(Func<bool> condition, string what)
    {
        if (!HoldsWithin(condition, Deadline)) throw new TimeoutException($"{what} did not come; {Describe()}");
    }

    /// <summary>Looks at something again and again for some time; for what must not happen as well.</summary>
    public static bool HoldsWithin(Func<bool> condition, TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        using var never = new ManualResetEventSlim();
        while (!condition())
        {
            if (watch.Elapsed > time) return false;
            never.Wait(1);
        }

        return true;
    }

    /// <summary>Stops and disposes the device.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Stop();
        Device.Dispose();
        ForgetQueues();
        Transport.Dispose();
    }

    internal string Describe() =>
        $"failures [{string.Join("; ", Host.Failures)}], reset reasons [{string.Join("; ", Transport.ResetReasons)}]";

    private void ForgetQueues()
    {
        foreach (MockQueue queue in _queues) queue.Dispose();
        _queues = [];
    }
}
