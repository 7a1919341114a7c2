using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Tests.Unit.Virtio;

/// <summary>
/// The smallest device that uses everything: two queues, each of which copies what it reads to where it may write.
/// </summary>
internal sealed class EchoDevice : IVirtioDevice
{
    public const int QueueCount = 2;

    private readonly EchoService[] _queues;

    public EchoDevice(IDeviceHost host, int queueSize = 16)
    {
        Traits = new VirtioTraits
        {
            DeviceType = 63,
            Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC)
                | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX),
            QueueSizes = [(ushort)queueSize, (ushort)queueSize],
            ConfigLength = 8,
        };
        _queues = [new EchoService(host, "echo_q0"), new EchoService(host, "echo_q1")];
    }

    public VirtioTraits Traits { get; }

    /// <summary>Served after a chain was taken and before it is answered; for tests that need a chain in flight.</summary>
    public Action? BeforeAnswer
    {
        set
        {
            foreach (EchoService queue in _queues) queue.BeforeAnswer = value;
        }
    }

    public void ReadConfig(int offset, Span<byte> destination) => destination.Fill(0x5a);

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    public void Activate(ulong features, IVirtioTransport transport) { }

    public void StartQueue(int index, QueueResources resources) => _queues[index].Worker.Start(resources);

    public QueueState StopQueue(int index) => _queues[index].Worker.Stop();

    public void Reset() { }

    public void Dispose()
    {
        foreach (EchoService queue in _queues) queue.Worker.Dispose();
    }

    private sealed class EchoService : IQueueService
    {
        private IoSegment[] _segments = [];

        public EchoService(IDeviceHost host, string name) => Worker = new QueueWorker(host, name, this);

        public QueueWorker Worker { get; }

        public Action? BeforeAnswer { get; set; }

        public void Starting(QueueResources queue)
        {
            if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
        }

        public QueueWait Serve(QueueResources queue)
        {
            do
            {
                queue.Queue.DisableDoorbell();
                while (!Worker.StopRequested && queue.Queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
                {
                    BeforeAnswer?.Invoke();
                    queue.Queue.AddUsed(chain.Head, Echo(chain));
                }

                if (queue.Queue.Publish()) queue.Interrupt.Signal();
            }
            while (!Worker.StopRequested && queue.Queue.EnableDoorbell());
            return QueueWait.ForEvent;
        }

        public void Drain(QueueResources queue)
        {
            if (queue.Queue.Publish()) queue.Interrupt.Signal();
        }

        private uint Echo(in DescriptorChain chain)
        {
            int from = 0, to = chain.Readable, fromOffset = 0, toOffset = 0;
            uint done = 0;
            while (from < chain.Readable && to < chain.Readable + chain.Writable)
            {
                ReadOnlySpan<byte> source = _segments[from].Bytes[fromOffset..];
                Span<byte> target = _segments[to].Bytes[toOffset..];
                int count = Math.Min(source.Length, target.Length);
                source[..count].CopyTo(target);
                done += (uint)count;
                fromOffset += count;
                toOffset += count;
                if (fromOffset == (int)_segments[from].Length) (from, fromOffset) = (from + 1, 0);
                if (toOffset == (int)_segments[to].Length) (to, toOffset) = (to + 1, 0);
            }

            return done;
        }
    }
}
