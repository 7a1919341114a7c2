using System.Collections.Concurrent;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Plugins.VirtioBalloon;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBalloon;

/// <summary>A balloon between a driver and a host that notes what it gets back.</summary>
internal sealed class BalloonRig : IDisposable
{
    public BalloonRig(string config = """{"size":0,"deflate_on_oom":true,"free_page_reporting":true}""", bool start = true)
    {
        Ram = new GuestMemoryMock(new MockRegion(0, 64u << 20), new MockRegion(1ul << 32, 16u << 20));
        Host = new MockDeviceHost(Ram);
        Pages = new FakePages(Ram.Memory);
        Host.Offer<IGuestPages>(Pages);
        Harness = new DriverHarness(Create(Host, config), Host);
        if (start) Harness.Start();
    }

    public GuestMemoryMock Ram { get; }

    public MockDeviceHost Host { get; }

    public FakePages Pages { get; }

    public DriverHarness Harness { get; }

    public IMemoryBalloon Balloon => (IMemoryBalloon)Harness.Device;

    public MockQueue Inflate => Harness.Queues[0];

    public MockQueue Deflate => Harness.Queues[1];

    public MockQueue Reporting => Harness.Queues[2];

    public string Log => string.Join('\n', Host.MockLog.Lines);

    public static IVirtioDevice Create(IDeviceHost host, string config, ReadOnlyMemory<byte> saved = default)
    {
        using JsonDocument document = JsonDocument.Parse(config);
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "__balloon", Config = document.RootElement.Clone(), SavedState = saved }, host);
    }

    /// <summary>The driver hands these pages over, or takes them back.</summary>
    public void Move(MockQueue queue, params uint[] pages)
    {
        ulong list = Ram.Allocate(4 * pages.Length);
        for (int i = 0; i < pages.Length; i++) Ram.Write(list + 4 * (ulong)i, pages[i]);
        queue.Call(DriverBuffer.Readable(list, 4 * (uint)pages.Length));
    }

    public void Dispose()
    {
        Harness.Dispose();
        Ram.Dispose();
    }

    /// <summary>A host's memory: what is given back of RAM is noted.</summary>
    internal sealed class FakePages(GuestMemory memory) : IGuestPages
    {
        private readonly ConcurrentQueue<(ulong Address, ulong Length)> _released = new();

        public (ulong Address, ulong Length)[] Released => [.. _released];

        public unsafe bool Release(ulong address, ulong length)
        {
            if (!memory.TryTranslate(address, (nuint)length, out _)) return false;
            _released.Enqueue((address, length));
            return true;
        }
    }
}
