using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;

namespace Examples.Edu;

/// <summary>
/// The doorbell: an eventfd that the kernel signals when the guest writes to <see cref="Registers.Doorbell"/>, so that the vCPU never stops for it, and a thread that hears it. Rings that come
/// together are heard as one. The thread ends before <see cref="Dispose"/> returns.
/// </summary>
internal sealed class Bell : IDisposable
{
    private readonly Action _rung;
    private readonly Thread _thread;
    private volatile bool _ending;

    public Bell(string id, IDeviceHost host, Action rung)
    {
        _rung = rung;
        _thread = host.StartThread($"{id}_bell", Listen);
    }

    /// <summary>What the host has the kernel signal. It stays open until the device is disposed.</summary>
    public EventFd Event { get; } = new();

    public void Dispose()
    {
        _ending = true;
        Event.Signal();
        _thread.Join();
        Event.Dispose();
    }

    private void Listen()
    {
        PollEntry[] wait = [new PollEntry(Event.Descriptor, PollEvents.Readable)];
        while (true)
        {
            DescriptorPoll.Wait(wait, -1);
            if (_ending) return;
            if (Event.Drain() > 0) _rung();
        }
    }
}
