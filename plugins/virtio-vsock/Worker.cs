using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// The device's thread: takes packets from the guest, gives packets to it. What they mean is the <see cref="Muxer"/>'s. No chain is ever kept, so
/// queues stop at once.
/// </summary>
internal sealed class Worker : IQueueGroupService, IDisposable
{
    private const int Queues = 3;
    private const int Batch = 128;

    private readonly QueueGroupWorker _worker;
    private readonly Muxer _muxer;
    private readonly IDeviceLog _log;
    // For each queue its own: one may be started while another is served.
    private readonly IoSegment[][] _segments = [[], [], []], _data = [[], [], []];
    private bool _tellsReset;

    /// <summary>Makes the worker; its thread starts with a queue.</summary>
    public Worker(string id, Muxer muxer, bool tellsReset, IDeviceHost host)
    {
        _muxer = muxer;
        _log = host.Log;
        _tellsReset = tellsReset;
        _worker = new QueueGroupWorker(host, id, Queues, this);
        _worker.Watch(VsockSpec.ReceiveQueue, muxer.EventDescriptor, PollEvents.Readable);
    }

    /// <summary>Whether the guest has still to be told that its connections are gone. While no queue runs.</summary>
    public bool TellsReset => _tellsReset;

    /// <summary>Starts serving a queue.</summary>
    public void Start(int index, QueueResources queue) => _worker.Start(index, queue);

    /// <summary>Stops serving a queue.</summary>
    public QueueState Stop(int index) => _worker.Stop(index);

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(index, patience, out state);

    /// <inheritdoc/>
    public void Starting(int index, QueueResources queue)
    {
        if (_segments[index].Length >= queue.Queue.MaxSegments) return;
        _segments[index] = new IoSegment[queue.Queue.MaxSegments];
        _data[index] = new IoSegment[queue.Queue.MaxSegments];
    }

    /// <inheritdoc/>
    public ServeResult Serve(int index, QueueResources queue) => index switch
    {
        VsockSpec.ReceiveQueue => Give(queue, _segments[index], _data[index]),
        VsockSpec.TransmitQueue => Take(queue, _segments[index], _data[index]),
        _ => TellReset(queue, _segments[index]),
    };

    /// <inheritdoc/>
    public bool AwaitsDriver(int index) => index == VsockSpec.TransmitQueue;

    /// <inheritdoc/>
    public QueueWait Arm(int index, QueueResources queue, out bool watch)
    {
        watch = index == VsockSpec.ReceiveQueue;
        bool wants = index switch
        {
            VsockSpec.ReceiveQueue => _muxer.HasPackets,      // and the guest has no buffer for them
            VsockSpec.TransmitQueue => !_muxer.IsCongested,
            _ => _tellsReset,
        };
        if (wants && queue.Queue.EnableDoorbell()) return QueueWait.None;
        return watch ? _muxer.NextLook : QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(int index, QueueResources queue)
    {
        if (queue.Queue.Publish()) queue.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private ServeResult Give(QueueResources resources, IoSegment[] segments, IoSegment[] data)
    {
        Virtqueue queue = resources.Queue;
        bool worked = _muxer.Look();
        int done = 0;
        queue.DisableDoorbell();
        while (done < Batch && _muxer.HasPackets && queue.TryPop(segments, out DescriptorChain chain) == PopStatus.Popped)
        {
            Span<IoSegment> writable = segments.AsSpan(chain.Readable, chain.Writable);
            if (chain.WritableBytes < Packet.Size)
            {
                _log.GuestTriggered($"a receive buffer of {chain.WritableBytes} bytes, which is less than a packet's header");
                queue.AddUsed(chain.Head, 0);
            }
            else
            {
                uint written = _muxer.NextPacket(writable, chain.WritableBytes, data);
                if (written == 0)
                {
                    queue.PutBack(chain.Head);   // nobody had anything after all
                    break;
                }

                queue.AddUsed(chain.Head, written);
            }

            done++;
        }

        if (done == 0) return worked ? ServeResult.Done : ServeResult.Idle;
        if (queue.Publish()) resources.Interrupt.Signal();
        return done == Batch ? ServeResult.More : ServeResult.Done;
    }

    private ServeResult Take(QueueResources resources, IoSegment[] segments, IoSegment[] data)
    {
        Virtqueue queue = resources.Queue;
        int done = 0;
        queue.DisableDoorbell();
        while (done < Batch && !_muxer.IsCongested && queue.TryPop(segments, out DescriptorChain chain) == PopStatus.Popped)
        {
            ReadOnlySpan<IoSegment> readable = segments.AsSpan(0, chain.Readable);
            if (Packet.TryRead(readable, out Packet packet)) _muxer.Take(packet, readable, chain.ReadableBytes - Packet.Size, data);
            else _log.GuestTriggered($"a packet of {chain.ReadableBytes} bytes, which is less than its header");
            queue.AddUsed(chain.Head, 0);
            done++;
        }

        if (done == 0) return ServeResult.Idle;
        if (queue.Publish()) resources.Interrupt.Signal();
        return done == Batch ? ServeResult.More : ServeResult.Done;
    }

    /// <summary>The guest's connections are those of another instance: it has to forget them (5.10.6.7.1).</summary>
    private ServeResult TellReset(QueueResources resources, IoSegment[] segments)
    {
        if (!_tellsReset || resources.Queue.TryPop(segments, out DescriptorChain chain) != PopStatus.Popped) return ServeResult.Idle;
        uint written = 0;
        if (chain.WritableBytes >= VsockSpec.EventSize)
        {
            // The number of the event is 0, in however many pieces.
            for (int i = chain.Readable; written < VsockSpec.EventSize; i++)
            {
                Span<byte> target = segments[i].Bytes;
                int count = Math.Min(target.Length, VsockSpec.EventSize - (int)written);
                target[..count].Clear();
                written += (uint)count;
            }

            _tellsReset = false;
        }

        resources.Queue.AddUsed(chain.Head, written);
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
        return ServeResult.Done;
    }
}
