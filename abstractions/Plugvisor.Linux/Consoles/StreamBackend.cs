using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;

namespace Plugvisor.Linux.Consoles;

/// <summary>
/// What the back ends with descriptors share: an inner epoll set that the owner watches as one descriptor, and the
/// pending output. The set is edge-triggered, so an input that the owner does not take cannot make anybody spin.
/// </summary>
public abstract class StreamBackend : ICharacterBackend
{
    /// <summary>How much output is kept for a side that does not read.</summary>
    public const int PendingBound = 1 << 20;

    /// <summary>A pipe or socket that polls as writable takes this much without blocking.</summary>
    private const int PollFirstChunk = 4096;

    private readonly Lock _lock = new();
    private readonly Epoll _events = new();
    private readonly PendingOutput _pending = new(PendingBound);
    private int _input = -1, _output = -1;
    private bool _pollFirst, _disposed;

    private protected StreamBackend() { }

    /// <inheritdoc/>
    public int EventDescriptor => _events.Descriptor;

    /// <inheritdoc/>
    public virtual string? Path => null;

    /// <inheritdoc/>
    public ulong DroppedBytes
    {
        get
        {
            lock (_lock) return _pending.Dropped;
        }
    }

    /// <summary>How long Dispose waits for the other side to take what is pending.</summary>
    private protected virtual int LingerMilliseconds => 0;

    /// <summary>What comes back in an event of a descriptor that a derived class watches itself.</summary>
    private protected const ulong OwnEvent = 1;

    /// <inheritdoc/>
    public int Read(Span<byte> destination)
    {
        Span<EpollEvent> ready = stackalloc EpollEvent[4];
        int count = _events.Wait(ready, 0);
        for (int i = 0; i < count; i++)
        {
            if (ready[i].Data == OwnEvent) OnOwnEvent();
        }

        lock (_lock) Flush();
        int input = _input;
        if (input < 0 || destination.IsEmpty || (_pollFirst && !ConsoleIo.Poll(input, ConsoleIo.Readable, 0))) return 0;
        int taken = ConsoleIo.Read(input, destination);
        if (taken > 0) return taken;
        if (taken == ConsoleIo.Gone) OnInputGone();
        return 0;
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            // What waits goes first.
            if (_pending.Count > 0) Flush();
            if (_pending.Count == 0) source = source[Send(source)..];
            if (!source.IsEmpty && !_disposed) _pending.Append(source);
        }
    }

    /// <summary>What nobody has taken yet, oldest first, for a back end that goes on in this one's place.</summary>
    public byte[] CopyPending()
    {
        lock (_lock) return _pending.ToArray();
    }

    /// <summary>Another back end goes on in this one's place, with what is pending: Dispose sends nothing more.</summary>
    public void ForgetPending()
    {
        lock (_lock) _pending.Consume(_pending.Count);
    }

    /// <summary>Gives the other side a last chance to take what is pending, then closes.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            long until = Environment.TickCount64 + LingerMilliseconds;
            while (_pending.Count > 0 && _output >= 0)
            {
                Flush();
                int left = (int)(until - Environment.TickCount64);
                if (_pending.Count == 0 || left <= 0 || !ConsoleIo.Poll(_output, ConsoleIo.Writable, left)) break;
            }

            _input = _output = -1;
            _events.Dispose();
        }

        CloseDescriptors();
        GC.SuppressFinalize(this);
    }

    /// <summary>Connects descriptors; -1 for a side that there is not. What is pending goes to the new output.</summary>
    /// <param name="input">Read from.</param>
    /// <param name="output">Written to; may be the same.</param>
    /// <param name="pollFirst">True when the descriptors are blocking ones that belong to others as well.</param>
    private protected void Connect(int input, int output, bool pollFirst = false)
    {
        lock (_lock)
        {
            _pollFirst = pollFirst;
            if (input == output)
            {
                Watch(input, EpollEvents.Readable | EpollEvents.Writable);
            }
            else
            {
                // A regular file or /dev/null cannot be polled: as an input it is none, as an output it never blocks.
                if (input >= 0 && !Watch(input, EpollEvents.Readable)) input = -1;
                if (output >= 0) Watch(output, EpollEvents.Writable);
            }

            _input = input;
            _output = output;
            Flush();
        }
    }

    /// <summary>
    /// Forgets the descriptors before they are closed. What is pending stays for the next <see cref="Connect"/>.
    /// </summary>
    private protected void Disconnect()
    {
        lock (_lock)
        {
            if (_input >= 0) _events.Remove(_input);
            if (_output >= 0) _events.Remove(_output);
            _input = _output = -1;
        }
    }

    /// <summary>Watches a descriptor of the derived class; <see cref="OnOwnEvent"/> hears of it.</summary>
    private protected void WatchOwn(int descriptor) =>
        _events.Set(descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, OwnEvent);

    /// <summary>A descriptor of <see cref="WatchOwn"/> is ready. In <see cref="Read"/>, without the lock.</summary>
    private protected virtual void OnOwnEvent() { }

    /// <summary>The input came to its end. In <see cref="Read"/>, without the lock.</summary>
    private protected virtual void OnInputGone()
    {
        lock (_lock)
        {
            if (_input >= 0 && _input != _output) _events.Remove(_input);
            _input = -1;
        }
    }

    /// <summary>
    /// Nobody will read the output any more: sends nothing until the next <see cref="Connect"/>. With the lock.
    /// </summary>
    private void StopSending()
    {
        // Stays in the set when it is the input as well, whose end is still to be read.
        if (_output != _input) _events.Remove(_output);
        _output = -1;
    }

    /// <summary>Whether output is kept while there is nobody to send it to.</summary>
    private protected virtual bool KeepsWhenDisconnected => false;

    /// <summary>Closes the descriptors.</summary>
    private protected abstract void CloseDescriptors();

    private bool Watch(int descriptor, EpollEvents events)
    {
        const int EPERM = 1;
        try
        {
            _events.Set(descriptor, events | EpollEvents.EdgeTriggered, 0);
            return true;
        }
        catch (LinuxException e) when (e.Errno == EPERM)
        {
            return false;
        }
    }

    private void Flush()
    {
        while (_pending.Count > 0)
        {
            int sent = Send(_pending.Oldest);
            if (sent == 0) return;
            _pending.Consume(sent);
        }
    }

    /// <returns>Bytes that are dealt with: sent, or thrown away because nobody will ever read them.</returns>
    private int Send(ReadOnlySpan<byte> source)
    {
        int sent = 0;
        while (sent < source.Length)
        {
            if (_output < 0) return KeepsWhenDisconnected ? sent : source.Length;
            ReadOnlySpan<byte> part = source[sent..];
            if (_pollFirst)
            {
                if (!ConsoleIo.Poll(_output, ConsoleIo.Writable, 0)) return sent;
                if (part.Length > PollFirstChunk) part = part[..PollFirstChunk];
            }

            int count = ConsoleIo.Write(_output, part);
            if (count == ConsoleIo.WouldBlock) return sent;
            if (count == ConsoleIo.Gone) StopSending();
            else sent += count;
        }

        return sent;
    }
}
