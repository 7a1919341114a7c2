using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Examples.Crc;

/// <summary>Serves one queue: a request's readable bytes are the data, its first four writable bytes receive the checksum.</summary>
internal sealed class Worker : IQueueService
{
    private readonly DeviceCounter _requests, _bytes;
    private IoSegment[] _segments = [];

    public Worker(string name, IDeviceHost host)
    {
        _requests = host.Counters.Add("requests");   // a slot for each queue: the reader sums them
        _bytes = host.Counters.Add("bytes");
        Queue = new QueueWorker(host, name, this);
    }

    /// <summary>The thread.</summary>
    public QueueWorker Queue { get; }

    /// <inheritdoc/>
    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources queue)
    {
        do
        {
            queue.Queue.DisableDoorbell();
            while (!Queue.StopRequested && queue.Queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
                queue.Queue.AddUsed(chain.Head, Answer(chain));
            if (queue.Queue.Publish()) queue.Interrupt.Signal();   // one interrupt for all that were done
        }
        while (!Queue.StopRequested && queue.Queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources queue)
    {
        if (queue.Queue.Publish()) queue.Interrupt.Signal();
    }

    /// <returns>Bytes written: 4, or fewer when the guest gave less room.</returns>
    private uint Answer(in DescriptorChain chain)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < chain.Readable; i++) crc = Add(crc, _segments[i].Bytes);
        _requests.Add(1);
        _bytes.Add(chain.ReadableBytes);

        Span<byte> result = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(result, ~crc);
        int written = 0;
        for (int i = chain.Readable; i < chain.Readable + chain.Writable && written < result.Length; i++)
        {
            Span<byte> target = _segments[i].Bytes;
            int count = Math.Min(target.Length, result.Length - written);
            result.Slice(written, count).CopyTo(target);
            written += count;
        }

        return (uint)written;
    }

    private static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (byte one in bytes[(words.Length * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, one);
        return crc;
    }
}
