using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// One pair of queues and its thread (<c>ID_qp0</c>): the first queue of a pair receives, the second transmits (virtio 1.2 section 5.1.2). A
/// frame that has to wait for tokens or buffers holds up its own direction only.
/// </summary>
internal sealed class Worker : IQueueGroupService, IDisposable
{
    private const int Receive = 0;
    private const int Transmit = 1;

    private readonly IPort _port;
    private readonly Receiver _receiver;
    private readonly Transmitter _transmitter;
    private readonly QueueGroupWorker _thread;

    /// <summary>Makes the worker; its thread starts with a queue.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="port">The host's end; disposed with the worker.</param>
    /// <param name="link">Told when the port fails.</param>
    /// <param name="receiveLimiter">Limits what the guest gets, or null.</param>
    /// <param name="transmitLimiter">Limits what the guest sends, or null.</param>
    /// <param name="host">Gives thread, counters and log.</param>
    public Worker(string name, IPort port, Link link, RateLimiter? receiveLimiter, RateLimiter? transmitLimiter, IDeviceHost host)
    {
        var metrics = new Metrics(host.Counters);
        _port = port;
        _receiver = new Receiver(port, link, metrics, receiveLimiter, host.Log);
        _transmitter = new Transmitter(port, link, metrics, transmitLimiter, host.Log);
        _thread = new QueueGroupWorker(host, name, 2, this);
        _thread.Watch(Receive, port.Descriptor, PollEvents.Readable);
    }

    /// <summary>The driver negotiated. No queue runs.</summary>
    /// <param name="merges">VIRTIO_NET_F_MRG_RXBUF.</param>
    /// <param name="keepsFlags">VIRTIO_NET_F_GUEST_CSUM.</param>
    /// <param name="longest">The longest header and frame that can come from the host.</param>
    public void Negotiated(bool merges, bool keepsFlags, ulong longest)
    {
        _receiver.Merges = merges;
        _receiver.Longest = longest;
        _receiver.KeepsFlags = keepsFlags;
    }

    /// <summary>Starts a queue: 0 receives, 1 transmits.</summary>
    public void Start(int index, QueueResources queue) => _thread.Start(index, queue);

    /// <summary>Stops a queue.</summary>
    public QueueState Stop(int index) => _thread.Stop(index);

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(int index, TimeSpan patience, out QueueState state) => _thread.TryStop(index, patience, out state);

    /// <summary>Makes the thread look at its port.</summary>
    public void Wake() => _thread.Wake();

    /// <inheritdoc/>
    public void Starting(int index, QueueResources queue)
    {
        if (index == Receive) _receiver.Starting(queue);
        else _transmitter.Starting(queue);
    }

    /// <inheritdoc/>
    public ServeResult Serve(int index, QueueResources queue) => index == Receive ? _receiver.Serve(queue) : _transmitter.Serve(queue);

    /// <inheritdoc/>
    public bool AwaitsDriver(int index) => index == Transmit;

    /// <inheritdoc/>
    public QueueWait Arm(int index, QueueResources queue, out bool watch)
    {
        watch = false;
        return index == Receive ? _receiver.Arm(queue, out watch) : _transmitter.Arm(queue);
    }

    /// <inheritdoc/>
    public void Drain(int index, QueueResources queue)
    {
        if (index == Receive) _receiver.Drain(queue);
        else _transmitter.Drain(queue);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The thread first: it uses all the rest.
        _thread.Dispose();
        _receiver.Dispose();
        _transmitter.Dispose();
        _port.Dispose();
    }
}
