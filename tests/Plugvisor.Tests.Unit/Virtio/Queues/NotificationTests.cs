using System.Diagnostics;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Queues;

/// <summary>
/// Driver and device on two CPUs, both asleep whenever they may be. A fence that is missing on either side loses a doorbell
/// or an interrupt sooner or later, and then this waits for ever.
/// </summary>
public sealed class NotificationTests(ITestOutputHelper output)
{
    private const int Chains = 200_000;

    [Theory]
    [InlineData(VirtioFeatures.VIRTIO_F_EVENT_IDX, 1)]
    [InlineData(VirtioFeatures.VIRTIO_F_EVENT_IDX, 3)]
    [InlineData(-1, 1)]
    [InlineData(-1, 3)]
    public void No_doorbell_and_no_interrupt_is_lost(int feature, int depth)
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        using var harness = new DriverHarness(new EchoDevice(host), host);
        harness.Start(without: feature < 0 ? VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX) : 0);
        MockQueue queue = harness.Queues[0];
        ulong buffer = ram.Allocate(64);
        var watch = Stopwatch.StartNew();
        int doorbells = 0;
        for (int done = 0; done < Chains; done++)
        {
            while (queue.Driver.InFlight < depth)
            {
                queue.Driver.Add(DriverBuffer.Readable(buffer, 8), DriverBuffer.Writable(buffer + 8, 8));
                if (!queue.Driver.Kick()) continue;
                queue.Doorbell.Signal();
                doorbells++;
            }

            Assert.Equal(8u, queue.Collect().Written);
        }

        output.WriteLine(
            $"{Chains / watch.Elapsed.TotalSeconds:f0} chains/s, {doorbells} doorbells, {queue.Interrupt.Count} interrupts");
        Assert.Empty(harness.Transport.ResetReasons);
    }

    /// <summary>The two races by themselves, as fast as two CPUs can run them: whoever comes second has to see the other.</summary>
    [Theory]
    [InlineData(0ul)]
    [InlineData(QueueRig.EventIdx)]
    public void Asking_for_a_notification_while_the_other_side_publishes_is_never_missed_by_both(ulong features)
    {
        using var rig = new QueueRig(4, features);
        ulong buffer = rig.Ram.Allocate(8);
        int round = 0, ready = 0, missed = 0;
        bool kicked = false, interrupts = false, over = false;
        var driver = new Thread(() =>
        {
            for (int i = 1; !Volatile.Read(ref over); i++)
            {
                rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
                Meet(ref round, 4 * i, ref ready);
                Volatile.Write(ref kicked, rig.Driver.Kick());
                Meet(ref round, 4 * i + 1, ref ready);
                Meet(ref round, 4 * i + 2, ref ready);
                Volatile.Write(ref interrupts, rig.Driver.EnableInterrupts());
                Meet(ref round, 4 * i + 3, ref ready);
                rig.Driver.TryCollect(out _);
            }
        });
        driver.Start();
        var watch = Stopwatch.StartNew();   // by time: on a busy machine a meeting takes long
        for (int i = 1; !over; i++)
        {
            rig.Device.DisableDoorbell();
            Meet(ref ready, 4 * i, ref round);
            bool seen = rig.Device.EnableDoorbell();
            Meet(ref ready, 4 * i + 1, ref round);
            if (!seen && !Volatile.Read(ref kicked)) missed++;

            rig.Device.AddUsed(rig.Pop().Head, 8);
            Meet(ref ready, 4 * i + 2, ref round);
            bool raised = rig.Device.Publish();
            if (watch.Elapsed > TimeSpan.FromSeconds(1)) Volatile.Write(ref over, true);
            Meet(ref ready, 4 * i + 3, ref round);
            if (!raised && !Volatile.Read(ref interrupts)) missed++;
        }

        driver.Join();
        output.WriteLine($"{round / 4} rounds");
        Assert.Equal(0, missed);
    }

    /// <summary>Goes on at the same moment as the other thread.</summary>
    private static void Meet(ref int mine, int number, ref int other)
    {
        Volatile.Write(ref mine, number);
        for (int spins = 0; Volatile.Read(ref other) < number; spins++)
        {
            if (spins > 10_000) Thread.Yield();   // the other thread has no CPU
        }
    }
}
