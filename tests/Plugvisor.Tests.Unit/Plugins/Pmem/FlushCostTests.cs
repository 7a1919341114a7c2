using System.Text.Json;
using Plugvisor.Linux.Events;
using Plugvisor.Plugins.Pmem;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Tests.Unit.Virtio.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Pmem;

/// <summary>Flushes allocate nothing. The worker runs on the test's thread, where allocations can be told apart.</summary>
public sealed class FlushCostTests
{
    [Fact]
    public void Flushes_cost_nothing()
    {
        using var file = new TemporaryFile("x"u8, 2 << 20);
        using var rig = new QueueRig(256);
        using var interrupt = new MockInterrupt();
        using var doorbell = new EventFd();
        var host = new MockDeviceHost(rig.Ram);
        using JsonDocument config = JsonDocument.Parse($$"""{"file":"{{file.Path}}"}""");
        using Backing backing = Backing.Open("_pmem0", Config.From(config.RootElement), null, host.Log);
        using var worker = new Worker("_pmem0", backing, host);
        var resources = new QueueResources { Queue = rig.Device, Doorbell = doorbell, Interrupt = interrupt };
        worker.Starting(resources);
        ulong request = rig.Ram.Allocate(8);
        rig.Ram.Write(request, 0u);
        DriverBuffer ask = DriverBuffer.Readable(request, 4), answer = DriverBuffer.Writable(request + 4, 4);
        Round();
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 20; i++) Round();
        }));

        void Round()
        {
            while (rig.Driver.FreeDescriptors > 1) rig.Driver.Add(ask, answer);
            rig.Driver.Kick();
            worker.Serve(resources);
            int used = 0;
            while (rig.Driver.TryCollect(out _)) used++;
            if (used != 128) throw new InvalidOperationException($"{used} flushes were answered");
        }
    }
}
