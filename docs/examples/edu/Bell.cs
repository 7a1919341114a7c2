using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;

namespace Examples.Edu;

/// <summary>
/// The doorbell: an eventfd that the kernel signals when the guest writes to <see cref="Registers.Doorbell"/>, so that the vCPU never stops for it, and a thread that hears it. Rings that come
/// together are heard as one. The thread ends before <see cref="Dispose"/> returns.
/// </summary>
internal sealed class Bell : IDisposable
{
    private readonly object _lock = new();   // held while a ring is acted upon
    private readonly Action _rung;
    private readonly Thread _thread;
    private bool _paused, _ending;

    public Bell(string id, IDeviceHost host, Action rung, bool paused)
    {
        _rung = rung;
        _paused = paused;
        _thread = host.StartThread($"{id}_bell", Listen);
    }

    /// <summary>What the host has the kernel signal. It stays open until the device is disposed.</summary>
    public EventFd Event { get; } = new();

    /// <summary>When it returns, no ring is heard. The eventfd counts them; a successor's gets the count.</summary>
    public void Pause()
    {
        lock (_lock) _paused = true;
    }

    public void Resume()
    {
        lock (_lock)
        {
            _paused = false;
            Monitor.PulseAll(_lock);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ending = true;
            Monitor.PulseAll(_lock);
        }

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
            lock (_lock)
            {
                while (_paused && !_ending) Monitor.Wait(_lock);
                if (_ending) return;
                if (Event.Drain() > 0) _rung();
            }
        }
    }
}
