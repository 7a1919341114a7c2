using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Events;
using Plugvisor.Plugins.VirtioBalloon;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Virtio.Queues;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBalloon;

/// <summary>Pages come and go without an allocation. The worker runs on the test's thread, where allocations can be told apart.</summary>
public sealed class DataPathCostTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Pages_that_come_and_go_cost_nothing(int queue)
    {
        using var rig = new QueueRig(128);
        using var interrupt = new MockInterrupt();
        using var doorbell = new EventFd();
        var host = new MockDeviceHost(rig.Ram);
        using var worker = new Worker("balloon", 3, new NoPages(), host);
        var resources = new QueueResources { Queue = rig.Device, Doorbell = doorbell, Interrupt = interrupt };
        worker.Starting(queue, resources);
        ulong list = rig.Ram.Allocate(1024);
        for (uint i = 0; i < 256; i++) rig.Ram.Write(list + (4 * i), i * 7 % 256);
        DriverBuffer buffer = queue < 2 ? DriverBuffer.Readable(list, 1024) : DriverBuffer.Writable(list, 1024);
        Round();
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 100; i++) Round();
        }));

        void Round()
        {
            while (rig.Driver.FreeDescriptors > 0) rig.Driver.Add(buffer);
            rig.Driver.Kick();
            while (worker.Serve(queue, resources) == ServeResult.More) { }
            int used = 0;
            while (rig.Driver.TryCollect(out _)) used++;
            if (used != 128) throw new InvalidOperationException($"{used} lists were taken");
        }
    }

    private sealed class NoPages : IGuestPages
    {
        public bool Release(ulong address, ulong length) => true;
    }
}
