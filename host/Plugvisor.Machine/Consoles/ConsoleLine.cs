using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Events;
using Plugvisor.Machine.Legacy;

namespace Plugvisor.Machine.Consoles;

/// <summary>
/// The line between a serial port or debug port of the machine and its character back end. It outlives the machine: after a
/// reset the new machine's port is plugged into the same line, so that a terminal, pty or client stays connected.
/// </summary>
public sealed class ConsoleLine : ISerialPeer, IDisposable
{
    private const ulong BackendEvent = 0, WakeEvent = 1;

    private readonly ICharacterBackend _backend;
    private readonly IDisposable? _lease;
    private readonly EventFd _wake = new();
    private readonly Thread? _thread;
    private Serial16550? _port;
    private volatile bool _stop;

    /// <summary>Takes over the back end.</summary>
    /// <param name="backend">Disposed with the line.</param>
    /// <param name="threadName">Name of the thread that reads input, by custom <c>serial-manager</c>.</param>
    /// <param name="lease">What the line holds while it lives (the terminal), disposed after the back end.</param>
    public ConsoleLine(ICharacterBackend backend, string threadName, IDisposable? lease = null)
    {
        _backend = backend;
        _lease = lease;
        if (backend.EventDescriptor < 0) return;
        _thread = new Thread(Run) { Name = threadName, IsBackground = true };
        _thread.Start();
    }

    /// <summary>The path of a pty, for <c>vm.info</c>, or null.</summary>
    public string? Path => _backend.Path;

    /// <summary>Connects a port: input goes to it from now on. Null: input waits.</summary>
    public void Connect(Serial16550? port)
    {
        Volatile.Write(ref _port, port);
        _wake.Signal();
    }

    /// <inheritdoc/>
    public void Transmit(byte value) => _backend.Write([value]);

    /// <inheritdoc/>
    public void ReceiverReady() => _wake.Signal();

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        _wake.Signal();
        _thread?.Join();
        _backend.Dispose();
        _lease?.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        using var epoll = new Epoll();
        epoll.Set(_backend.EventDescriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, BackendEvent);
        epoll.Set(_wake.Descriptor, EpollEvents.Readable, WakeEvent);
        Span<EpollEvent> ready = stackalloc EpollEvent[2];
        Span<byte> buffer = stackalloc byte[64];
        int start = 0, count = 0;   // input that the port has not taken yet
        while (!_stop)
        {
            _ = epoll.Wait(ready, -1);
            _ = _wake.Drain();
            while (true)
            {
                if (count == 0)
                {
                    start = 0;
                    count = _backend.Read(buffer);
                    if (count == 0) break;
                }

                int taken = Volatile.Read(ref _port)?.Receive(buffer.Slice(start, count)) ?? 0;
                start += taken;
                count -= taken;
                if (taken > 0) continue;
                // Full: ReceiverReady wakes us, or a port that is connected later. Output that waits goes on all the same.
                _ = _backend.Read([]);
                break;
            }
        }
    }
}
