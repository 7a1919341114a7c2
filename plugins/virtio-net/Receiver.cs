using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// From the host to the guest: one read for each frame, straight into the guest's buffers. A frame that may not go on yet (rate limit, too few
/// buffers) waits in the buffers where it lies, and those behind it in the host's queue.
/// </summary>
internal sealed unsafe class Receiver(IPort port, Link link, Metrics metrics, RateLimiter? limiter, IDeviceLog log) : IDisposable
{
    /// <summary>Frames between two looks at the rest: those are published together.</summary>
    private const int Batch = 32;

    private const ulong InitialExpectation = 2048;
    private const int ForgetShift = 6;
    private const int EBADFD = 77;

    private readonly ReceiveWindow _window = new();
    private readonly Moderation _moderation = new();
    private ulong _expected = InitialExpectation;   // bytes of the next frame, from what the last ones were
    private ulong _held;                            // bytes of a frame that lies in the window and waits; 0 for none
    private long _heldUntil;                        // when it may go on; 0 when it waits for buffers
    private bool _starved;                          // there was no buffer to read into
    private bool _gone;                             // the port is, and does not come back
    private ulong _frames, _bytes;                  // of the batch
    private long _framesSince;                      // read since the moderation was asked

    /// <summary>Whether a frame may go over several buffers (VIRTIO_NET_F_MRG_RXBUF). Set while the queue does not run.</summary>
    public bool Merges { get; set; }

    /// <summary>The longest header and frame that can come. Set while the queue does not run.</summary>
    public ulong Longest { get; set; } = NetSpec.MaxFrame;

    /// <summary>Whether the driver reads the header's flags (VIRTIO_NET_F_GUEST_CSUM). Set while the queue does not run.</summary>
    public bool KeepsFlags { get; set; }

    /// <summary>The queue is about to run.</summary>
    public void Starting(QueueResources resources) => _window.Prepare(resources.Queue);

    /// <summary>Moves frames.</summary>
    public ServeResult Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        queue.DisableDoorbell();
        int done = 0;
        if (_held != 0 && MayRetry())
        {
            ulong held = _held;
            _held = 0;
            if (Accept(queue, held)) done++;
        }

        while (_held == 0 && done < Batch)
        {
            ulong length = Read(queue);
            if (length == 0) break;
            done++;
            Accept(queue, length);
        }

        int refused = _window.TakeRefused();
        if (done + refused == 0) return ServeResult.Idle;
        Publish(resources);
        return done == Batch || refused > 0 ? ServeResult.More : ServeResult.Done;
    }

    /// <summary>About to sleep.</summary>
    /// <param name="resources">The queue.</param>
    /// <param name="watch">Whether a frame that comes is to end the sleep.</param>
    public QueueWait Arm(QueueResources resources, out bool watch)
    {
        watch = _held == 0 && !_starved && !_gone;
        if (watch && Moderates())
        {
            watch = false;
            return QueueWait.AtMost(Moderation.Moment);
        }

        if (_held != 0 && _heldUntil != 0) return QueueWait.AtMost(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _heldUntil));
        if (_gone || (_held == 0 && !_starved)) return QueueWait.ForEvent;
        return resources.Queue.EnableDoorbell() ? QueueWait.None : QueueWait.ForEvent;
    }

    /// <summary>Delivers a frame that waits, out of turn, and puts all other buffers back.</summary>
    public void Drain(QueueResources resources)
    {
        if (_held != 0 && !Place(resources.Queue, _held)) log.Debug("a frame without buffers is dropped as its queue stops");
        _held = 0;
        _window.PutBack(resources.Queue);
        Publish(resources);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _window.Dispose();

    private bool Moderates()
    {
        long frames = _framesSince;
        _framesSince = 0;
        return _moderation.Decide(Stopwatch.GetTimestamp(), frames);
    }

    private void Publish(QueueResources resources)
    {
        _framesSince += (long)_frames;
        metrics.AddReceived(_frames, _bytes);
        _frames = _bytes = 0;
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    private bool MayRetry() => _heldUntil == 0 || Stopwatch.GetTimestamp() >= _heldUntil;

    /// <returns>Bytes of header and frame; 0 when there is none, or nowhere to put it.</returns>
    private ulong Read(Virtqueue queue)
    {
        _window.Fill(queue, Merges ? _expected : 1);
        _starved = _window.Count == 0;
        if (_starved || _gone) return 0;

        while (true)
        {
            IoSegment* vectors = _window.BeginRead(_expected, Longest, out int count, out IoSegment replaced);
            nint length = port.Read(vectors, count);
            bool cut = _window.EndRead(length, replaced);
            if (length <= 0)
            {
                if (length != -EBADFD) return 0;
                _gone = true;
                link.PortIsGone();
                return 0;
            }

            ulong bytes = (ulong)length;
            if (cut) Lengthen();
            else if (bytes > NetSpec.HeaderSize)
            {
                _expected = bytes >= _expected ? bytes : _expected - (_expected - bytes >> ForgetShift);
                return bytes;
            }
        }
    }

    /// <summary>A frame is longer than the interface's MTU was: somebody has changed that. The frame is lost, the next ones are not.</summary>
    private void Lengthen()
    {
        Longest = NetSpec.MaxFrame;
        log.Warn("the interface's MTU has grown; a frame was dropped");
    }

    /// <returns>False when the frame has to wait.</returns>
    private bool Accept(Virtqueue queue, ulong length)
    {
        if (limiter is not null)
        {
            TimeSpan wait = limiter.Take(length - NetSpec.HeaderSize);
            if (wait > TimeSpan.Zero)
            {
                _held = length;
                _heldUntil = Math.Max(1, Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency));
                return false;
            }
        }

        return Place(queue, length);
    }

    /// <returns>False when it has to wait for buffers.</returns>
    private bool Place(Virtqueue queue, ulong length)
    {
        int count = 1;
        if (length > _window.FirstBytes)
        {
            if (!Merges || !_window.Fill(queue, length))
            {
                if (!Merges || !_window.CanGrow(queue))
                {
                    log.GuestTriggered("frames are dropped because they do not fit the guest's receive buffers");
                    return true;
                }

                _held = length;
                _heldUntil = 0;
                return false;
            }

            count = _window.CountFor(length);
        }

        _window.PlaceSpill(length);
        // 5.1.6.4.1: num_buffers is 1 also without MRG_RXBUF, and flags are 0 for a driver that does not know them.
        _window.SetByte(NetSpec.HeaderBufferCount, (byte)count);
        _window.SetByte(NetSpec.HeaderBufferCount + 1, (byte)(count >> 8));
        if (!KeepsFlags) _window.SetByte(NetSpec.HeaderFlags, 0);
        _window.Use(queue, count, length);
        _frames++;
        _bytes += length - NetSpec.HeaderSize;
        return true;
    }
}
