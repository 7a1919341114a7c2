using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Events;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>
/// Carries keys to the guest, and does the other side's upkeep (clients, pending output), since its events come here. What
/// was read and has no buffer yet stays in a small array; nothing more is read meanwhile, so a guest that offers no buffers
/// costs no memory.
/// </summary>
internal sealed class InputWorker : IQueueService, IDisposable
{
    private readonly ICharacterBackend _backend;
    private readonly Metrics _metrics;
    private readonly QueueWorker _worker;
    private readonly byte[] _keys = new byte[1024];
    private IoSegment[] _segments = [];
    private int _start, _end;   // what is in _keys

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    public InputWorker(string id, ICharacterBackend backend, Metrics metrics, ReadOnlySpan<byte> keys, IDeviceHost host)
    {
        if (keys.Length > _keys.Length) throw new DeviceException($"{id}: {keys.Length} keys were saved, more than the {_keys.Length} that can wait");
        keys.CopyTo(_keys);
        _end = keys.Length;
        _backend = backend;
        _metrics = metrics;
        _worker = new QueueWorker(host, $"{id}_q0", this);
        if (backend.EventDescriptor >= 0)
            _worker.Watch(backend.EventDescriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered);
    }

    /// <summary>Keys that were read and wait for buffers of the guest. While the queue is stopped.</summary>
    public ReadOnlyMemory<byte> Waiting => _keys.AsMemory(_start, _end - _start);

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
        if (_start < _end) _ = _backend.Read([]);   // upkeep, though there is no room for more keys
        do
        {
            queue.DisableDoorbell();
            while (!_worker.StopRequested && HasKeys() && queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
                queue.AddUsed(chain.Head, Deliver(chain));
            if (queue.Publish()) resources.Interrupt.Signal();

            // New buffers are of interest only while keys wait for them.
        }
        while (_start < _end && !_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources resources)
    {
        // Serve leaves nothing in flight; keys that wait go to the guest after the next start.
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private bool HasKeys()
    {
        if (_start < _end) return true;
        _start = 0;
        _end = _backend.Read(_keys);
        return _end > 0;
    }

    private uint Deliver(in DescriptorChain chain)
    {
        uint done = 0;
        for (int i = chain.Readable; i < chain.Readable + chain.Writable && _start < _end; i++)
        {
            Span<byte> target = _segments[i].Bytes;
            int count = Math.Min(target.Length, _end - _start);
            _keys.AsSpan(_start, count).CopyTo(target);
            _start += count;
            done += (uint)count;
        }

        _metrics.ToGuest.Add(done);
        return done;
    }
}
