using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioFs.Embedded;

/// <summary>
/// Serves one queue: takes a request, does it with plain system calls on this thread, answers it. So nothing is in flight between two requests, and stopping
/// waits for one system call at most.
/// </summary>
internal sealed class Worker : IQueueService, IDisposable
{
    private readonly FuseServer _server;
    private readonly Request _request;
    private readonly QueueWorker _worker;

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="server">Does the requests.</param>
    /// <param name="host">Gives the thread.</param>
    public Worker(string name, FuseServer server, IDeviceHost host)
    {
        _server = server;
        _request = new Request(new ThreadIdentity(), new Metrics(host.Counters));
        _worker = new QueueWorker(host, name, this);
    }

    /// <summary>Starts serving.</summary>
    public void Start(QueueResources queue) => _worker.Start(queue);

    /// <summary>Stops serving.</summary>
    public QueueState Stop() => _worker.Stop();

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Starting(QueueResources queue) => _request.Size(queue.Queue.MaxSegments);

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources resources)
    {
        _request.Identity.Prepare();
        Virtqueue queue = resources.Queue;
        do
        {
            queue.DisableDoorbell();
            while (!_worker.StopRequested && queue.TryPop(_request.Segments, out DescriptorChain chain) == PopStatus.Popped)
            {
                int error = _request.Begin(chain);
                queue.AddUsed(chain.Head, _request.End(error == 0 ? _server.Handle(_request) : -error));
                // At once: the guest's program waits for this one, and the next may take long.
                if (queue.Publish()) resources.Interrupt.Signal();
            }
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources resources)
    {
        // Nothing: a chain that was taken was answered before the next look at whether to stop.
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();
}
