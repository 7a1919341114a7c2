using System.Diagnostics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>From the guest to the host: one write for each frame, straight from the guest's buffers.</summary>
internal sealed unsafe class Transmitter(IPort port, Link link, Metrics metrics, RateLimiter? limiter, IDeviceLog log) : IDisposable
{
    /// <summary>Frames between two looks at the rest: those are published together.</summary>
    private const int Batch = 32;

    private const int EAGAIN = 11, EBADFD = 77;

    /// <summary>A port that is full says so again; a tap that a limit was set on (TUNSETSNDBUF) is the only one known to.</summary>
    private static readonly TimeSpan s_fullPortPause = TimeSpan.FromMilliseconds(1);

    private IoSegment[] _segments = [];
    private DescriptorChain _chain;      // taken and not sent yet
    private bool _hasChain, _full;
    private long _heldUntil;             // when it may go on
    private byte* _gathered;             // for a frame in more pieces than the kernel takes; made when first needed
    private ulong _frames, _bytes;       // of the batch

    /// <summary>The queue is about to run.</summary>
    public void Starting(QueueResources resources)
    {
        if (_segments.Length < resources.Queue.MaxSegments) _segments = GC.AllocateArray<IoSegment>(resources.Queue.MaxSegments, pinned: true);
    }

    /// <summary>Moves frames.</summary>
    public ServeResult Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        queue.DisableDoorbell();
        int done = 0;
        while (done < Batch && TryTake(queue) && TrySend())
        {
            _hasChain = false;
            queue.AddUsed(_chain.Head, 0);
            done++;
        }

        if (done == 0) return ServeResult.Idle;
        metrics.AddSent(_frames, _bytes);
        _frames = _bytes = 0;
        if (queue.Publish()) resources.Interrupt.Signal();
        return done == Batch ? ServeResult.More : ServeResult.Done;
    }

    /// <summary>About to sleep.</summary>
    public QueueWait Arm(QueueResources resources)
    {
        if (_hasChain && _full) return QueueWait.AtMost(s_fullPortPause);
        if (_hasChain) return QueueWait.AtMost(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _heldUntil));
        return resources.Queue.EnableDoorbell() ? QueueWait.None : QueueWait.ForEvent;
    }

    /// <summary>Puts a frame that waits back into the ring.</summary>
    public void Drain(QueueResources resources)
    {
        if (_hasChain) resources.Queue.PutBack(_chain.Head);
        _hasChain = _full = false;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        NativeMemory.Free(_gathered);
        _gathered = null;
    }

    private bool TryTake(Virtqueue queue)
    {
        if (_hasChain) return _full || Stopwatch.GetTimestamp() >= _heldUntil;
        if (queue.TryPop(_segments, out _chain) != PopStatus.Popped) return false;
        _hasChain = true;
        return true;
    }

    /// <returns>False when the frame has to wait; true also when it was dropped.</returns>
    private bool TrySend()
    {
        if (_chain.ReadableBytes < NetSpec.HeaderSize + NetSpec.EthernetHeader || _chain.ReadableBytes > NetSpec.MaxFrame)
        {
            log.GuestTriggered("frames of the guest are dropped because they are too short or too long to be any");
            return true;
        }

        if (limiter is not null && !_full)
        {
            TimeSpan wait = limiter.Take(_chain.ReadableBytes - NetSpec.HeaderSize);
            if (wait > TimeSpan.Zero)
            {
                _heldUntil = Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);
                return false;
            }
        }

        nint result = Write();
        _full = result == -EAGAIN;
        if (_full) return false;
        if (result > 0)
        {
            _frames++;
            _bytes += _chain.ReadableBytes - NetSpec.HeaderSize;
        }
        else if (result == -EBADFD) link.PortIsGone();
        else log.GuestTriggered("frames of the guest are dropped because the host does not take them: a header that is not possible, or an interface that is down");
        return true;
    }

    private nint Write()
    {
        // SAFETY: the array is pinned, and TryPop filled as many of its entries as the chain has readable segments.
        var segments = (IoSegment*)Marshal.UnsafeAddrOfPinnedArrayElement(_segments, 0);
        if (_chain.Readable <= ReceiveWindow.MaxVectors) return port.Write(segments, _chain.Readable);

        if (_gathered is null) _gathered = (byte*)NativeMemory.Alloc(NetSpec.MaxFrame);
        byte* to = _gathered;
        for (int i = 0; i < _chain.Readable; i++)
        {
            // SAFETY: the lengths sum up to ReadableBytes, which was found to fit.
            Buffer.MemoryCopy(segments[i].Address, to, segments[i].Length, segments[i].Length);
            to += segments[i].Length;
        }

        var whole = new IoSegment(_gathered, _chain.ReadableBytes);
        return port.Write(&whole, 1);
    }
}
