using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Network;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>A host's end that tests send by and look into; it behaves as a tap does, and can be told to fail.</summary>
internal sealed unsafe class FakePort : IPort
{
    public const int Again = -11, Gone = -77, Invalid = -22;

    private readonly EventFd _readable = new();
    private readonly ConcurrentQueue<byte[]> _toGuest = new();
    private int _failure;

    public FakePort(byte[]? endless = null) => Endless = endless;

    public int Descriptor => _readable.Descriptor;

    public SafeHandle Handle => _readable;

    /// <summary>What the guest sent: header and frame.</summary>
    public ConcurrentQueue<byte[]> Sent { get; } = new();

    /// <summary>Iovecs of each write.</summary>
    public ConcurrentQueue<int> Vectors { get; } = new();

    /// <summary>A frame that is always there to be read.</summary>
    public byte[]? Endless { get; }

    /// <summary>Counts what the guest sends and keeps nothing of it, so that the port allocates nothing.</summary>
    public bool Discards { get; init; }

    public int Discarded { get; private set; }

    public ConcurrentQueue<TapOffloads> Offloads { get; } = new();

    public bool IsAttached { get; private set; } = true;

    public int Attachments { get; private set; }

    public bool IsDisposed { get; private set; }

    /// <summary>What reads and writes answer in place of doing something; 0 for nothing.</summary>
    public int Failure
    {
        get => Volatile.Read(ref _failure);
        set
        {
            Volatile.Write(ref _failure, value);
            _readable.Signal();
        }
    }

    /// <summary>How often the device tried to read.</summary>
    public int Reads { get; private set; }

    /// <summary>Iovecs of the last read.</summary>
    public int ReadVectors { get; private set; }

    /// <summary>Frames that the device has not read yet.</summary>
    public int Waiting => _toGuest.Count;

    /// <summary>Gives the device header and frame to read.</summary>
    public void Send(byte[] frame)
    {
        _toGuest.Enqueue(frame);
        _readable.Signal();
    }

    public nint Read(IoSegment* vectors, int count)
    {
        if (count is < 1 or > 1024) return Invalid;
        Reads++;
        if (Failure != 0) return Failure;
        byte[]? frame = Endless;
        if (frame is null)
        {
            // Readable as long as there is a frame; what is sent meanwhile signals again. A tap's queue that is out of use gives none, but takes some.
            _readable.Drain();
            if (!IsAttached || !_toGuest.TryDequeue(out frame)) return Again;
            if (!_toGuest.IsEmpty) _readable.Signal();
        }

        ReadVectors = count;
        int done = 0;
        for (int i = 0; i < count && done < frame.Length; i++)
        {
            int part = (int)Math.Min((nuint)(frame.Length - done), vectors[i].Length);
            frame.AsSpan(done, part).CopyTo(new Span<byte>(vectors[i].Address, part));
            done += part;
        }

        return done;
    }

    public nint Write(IoSegment* vectors, int count)
    {
        if (count is < 1 or > 1024) return Invalid;
        if (Failure != 0) return Failure;
        if (Discards)
        {
            nint bytes = 0;
            for (int i = 0; i < count; i++) bytes += (nint)vectors[i].Length;
            Discarded++;
            return bytes;
        }

        var frame = new List<byte>();
        for (int i = 0; i < count; i++) frame.AddRange(vectors[i].Bytes);
        Vectors.Enqueue(count);
        Sent.Enqueue([.. frame]);
        return frame.Count;
    }

    public int SetOffloads(TapOffloads offloads)
    {
        Offloads.Enqueue(offloads);
        return 0;
    }

    public int SetAttached(bool attached)
    {
        if (IsAttached == attached) return Invalid;
        IsAttached = attached;
        _readable.Signal();
        Attachments++;
        return 0;
    }

    public void Dispose()
    {
        IsDisposed = true;
        _readable.Dispose();
    }
}
