using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>A virtio device that does nothing but remember how it was called, and throws or hangs where a test wants it to.</summary>
internal sealed class FakeVirtioDevice : IVirtioDevice
{
    public const int ConfigLength = 24;

    private readonly List<string> _calls = [];
    private readonly Lock _lock = new();

    public FakeVirtioDevice(params ushort[] queueSizes) => Traits = new VirtioTraits
    {
        DeviceType = 2,
        Features = 1UL << 5 | 1UL << VirtioFeatures.VIRTIO_F_EVENT_IDX | 1UL << VirtioFeatures.VIRTIO_F_RING_PACKED,
        QueueSizes = queueSizes.Length == 0 ? [128, 64] : queueSizes,
        ConfigLength = ConfigLength,
        PciClass = 0x0180,
    };

    public VirtioTraits Traits { get; init; }

    /// <summary>Name of the callback that throws, such as <c>StartQueue</c>.</summary>
    public string? Throws { get; set; }

    /// <summary>When set, a request is in flight from the first start of a queue, and StopQueue waits for this.</summary>
    public ManualResetEventSlim? Stall { get; set; }

    /// <summary>When set, StartQueue waits for this.</summary>
    public ManualResetEventSlim? Hang { get; init; }

    public byte[] Config { get; } = new byte[ConfigLength];

    public ulong Features { get; private set; }

    public IVirtioTransport? Transport { get; private set; }

    public Dictionary<int, QueueResources> Queues { get; } = [];

    public int Starts { get; private set; }

    public List<string> Calls
    {
        get { lock (_lock) return [.. _calls]; }
    }

    public int CallCount { get; private set; }

    /// <summary>Keep no list of calls, for tests that make very many.</summary>
    public bool Forgetful { get; init; }

    public void ReadConfig(int offset, Span<byte> destination)
    {
        Assert(offset, destination.Length);
        ThrowIf(nameof(ReadConfig));
        Config.AsSpan(offset, destination.Length).CopyTo(destination);
    }

    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        Assert(offset, source.Length);
        ThrowIf(nameof(WriteConfig));
        source.CopyTo(Config.AsSpan(offset));
    }

    public void Activate(ulong features, IVirtioTransport transport)
    {
        Called("Activate");
        Features = features;
        Transport = transport;
        ThrowIf(nameof(Activate));
    }

    public void StartQueue(int index, QueueResources resources)
    {
        Called($"StartQueue {index} at {resources.Queue.State.NextAvail}");
        Starts++;
        ThrowIf(nameof(StartQueue));
        Hang?.Wait();
        Queues[index] = resources;
        if (Stall is not null && Starts == 1 && resources.Queue.TryPop(new IoSegment[resources.Queue.MaxSegments], out _) != PopStatus.Popped)
            throw new InvalidOperationException("the test made nothing available");
    }

    public QueueState StopQueue(int index)
    {
        Called($"StopQueue {index}");
        ThrowIf(nameof(StopQueue));
        Stall?.Wait();
        return Queues.Remove(index, out QueueResources? resources) ? resources.Queue.State : default;
    }

    public void Reset()
    {
        Called("Reset");
        ThrowIf(nameof(Reset));
    }

    public void Dispose() => Called("Dispose");

    private static void Assert(int offset, int length)
    {
        if (offset < 0 || length < 1 || offset + length > ConfigLength) throw new InvalidOperationException("the host did not check the range");
    }

    private void Called(string what)
    {
        lock (_lock)
        {
            CallCount++;
            if (!Forgetful) _calls.Add(what);
        }
    }

    private void ThrowIf(string callback)
    {
        if (Throws == callback) throw new InvalidOperationException($"test fault in {callback}");
    }
}
