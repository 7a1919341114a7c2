using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>
/// Carries the guest's output to the other side, which never blocks. A chain is given back at once even when nobody reads:
/// Linux waits for it with interrupts off, so holding it would stop a vCPU.
/// </summary>
internal sealed class OutputWorker : IQueueService, IDisposable
{
    /// <summary>The most that is taken of one chain; drivers send pages. The rest of a longer one is dropped.</summary>
    private const int MaxChain = 1 << 20;

    private readonly ICharacterBackend _backend;
    private readonly Metrics _metrics;
    private readonly QueueWorker _worker;
    private IoSegment[] _segments = [];

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    public OutputWorker(string id, ICharacterBackend backend, Metrics metrics, IDeviceHost host)
    {
        _backend = backend;
        _metrics = metrics;
        _worker = new QueueWorker(host, $"{id}_q1", this);
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
            while (!_worker.StopRequested && queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
            {
                Send(chain);
                queue.AddUsed(chain.Head, 0);
                // Chain by chain: the driver spins until each is used.
                if (queue.Publish()) resources.Interrupt.Signal();
            }
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources resources) { }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private void Send(in DescriptorChain chain)
    {
        int left = MaxChain;
        for (int i = 0; i < chain.Readable && left > 0; i++)
        {
            ReadOnlySpan<byte> source = _segments[i].Bytes;
            if (source.Length > left) source = source[..left];
            _backend.Write(source);
            left -= source.Length;
        }

        _metrics.FromGuest.Add((ulong)(MaxChain - left));
    }
}
