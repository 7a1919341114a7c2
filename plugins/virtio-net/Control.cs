using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// The control queue and its thread (<c>ID_ctrl</c>, virtio 1.2 section 5.1.6.5). A command can cost the host a good deal (a queue of a tap that goes out of
/// use waits for a grace period), so a driver gets a bounded number of them.
/// </summary>
internal sealed class Control : IQueueService, IDisposable
{
    private const int MaxCommand = 64;
    private const ulong CommandsPerSecond = 200;
    private const ulong Second = 1000;

    private readonly QueueWorker _worker;
    private readonly ICommands _commands;
    private readonly RateLimiter _limiter;
    private IoSegment[] _segments = [];
    private DescriptorChain _chain;
    private bool _hasChain;

    /// <summary>Makes it; its thread starts with the queue.</summary>
    public Control(string name, ICommands commands, IDeviceHost host)
    {
        _commands = commands;
        _limiter = new RateLimiter(null, TokenBucket.Create(CommandsPerSecond, 0, Second), host.Clock);
        _worker = new QueueWorker(host, name, this);
    }

    /// <summary>What commands do. On the control queue's thread.</summary>
    internal interface ICommands
    {
        /// <summary>The driver uses so many pairs from now on.</summary>
        bool SetPairs(int pairs);

        /// <summary>The driver wants these of the offloads that it negotiated, as feature bits.</summary>
        bool SetOffloads(ulong features);

        /// <summary>The driver has announced itself.</summary>
        bool Announced();
    }

    /// <summary>Starts serving.</summary>
    public void Start(QueueResources queue) => _worker.Start(queue);

    /// <summary>Stops serving.</summary>
    public QueueState Stop() => _worker.Stop();

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        do
        {
            queue.DisableDoorbell();
            while (!_worker.StopRequested && TryTake(queue))
            {
                TimeSpan wait = _limiter.Take(0);
                if (wait > TimeSpan.Zero)
                {
                    Publish(resources);
                    return QueueWait.AtMost(wait);
                }

                _hasChain = false;
                if (_chain.WritableBytes == 0) queue.Break("a network control command has no room for its acknowledgement");
                queue.AddUsed(_chain.Head, Answer());
            }

            Publish(resources);
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources resources)
    {
        if (_hasChain) resources.Queue.PutBack(_chain.Head);
        _hasChain = false;
        Publish(resources);
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private static void Publish(QueueResources resources)
    {
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    private bool TryTake(Virtqueue queue)
    {
        if (!_hasChain) _hasChain = queue.TryPop(_segments, out _chain) == PopStatus.Popped;
        return _hasChain;
    }

    /// <returns>Bytes written: the acknowledgement.</returns>
    private uint Answer()
    {
        if (_chain.WritableBytes == 0) return 0;
        Span<byte> command = stackalloc byte[MaxCommand];
        int length = 0;
        for (int i = 0; i < _chain.Readable && length < MaxCommand; i++)
        {
            Span<byte> part = _segments[i].Bytes;
            if (part.Length > MaxCommand - length) part = part[..(MaxCommand - length)];
            part.CopyTo(command[length..]);
            length += part.Length;
        }

        // Only this copy is looked at; the driver may change the buffer meanwhile.
        bool done = length >= 2 && Do(command[0], command[1], command[2..length]);
        _segments[_chain.Readable].Bytes[0] = done ? NetSpec.VIRTIO_NET_OK : NetSpec.VIRTIO_NET_ERR;
        return 1;
    }

    private bool Do(byte kind, byte command, ReadOnlySpan<byte> data) => (kind, command) switch
    {
        (NetSpec.VIRTIO_NET_CTRL_MQ, NetSpec.VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET) =>
            data.Length >= 2 && _commands.SetPairs(BinaryPrimitives.ReadUInt16LittleEndian(data)),
        (NetSpec.VIRTIO_NET_CTRL_GUEST_OFFLOADS, NetSpec.VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET) =>
            data.Length >= 8 && _commands.SetOffloads(BinaryPrimitives.ReadUInt64LittleEndian(data)),
        (NetSpec.VIRTIO_NET_CTRL_ANNOUNCE, NetSpec.VIRTIO_NET_CTRL_ANNOUNCE_ACK) => _commands.Announced(),
        _ => false,
    };
}
