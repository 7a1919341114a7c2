using System.Diagnostics;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Queues;

/// <summary>
/// What the data path costs. The bounds on time are far above what an optimized build needs, so that only a blunder (a lock,
/// a copy, an exception) fails them on a busy machine.
/// </summary>
public sealed class QueueCostTests(ITestOutputHelper output)
{
    private const int Rounds = 400_000;

    [Theory]
    [InlineData(false, 0ul)]
    [InlineData(false, QueueRig.EventIdx)]
    [InlineData(true, QueueRig.Indirect | QueueRig.EventIdx)]
    public void Taking_and_giving_back_chains_allocates_nothing_and_is_fast(bool indirect, ulong features)
    {
        using var rig = new QueueRig(256, features);
        ulong buffer = rig.Ram.Allocate(4096 + 32);
        DriverBuffer[] request =
            [DriverBuffer.Readable(buffer, 16), DriverBuffer.Writable(buffer + 16, 4096), DriverBuffer.Writable(buffer + 4112, 1)];
        Run(rig, request, indirect, 2000);   // compile, and allocate the indirect tables

        TimeSpan device = default;
        Assert.Equal(0, Garbage.Of(() => device = Run(rig, request, indirect, Rounds)));
        output.WriteLine($"{Rounds / device.TotalSeconds / 1e6:f2} M chains/s of 3 descriptors on the device's side");
        Assert.InRange(device, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Empty(rig.Faults);
    }

    [Fact]
    public void A_stop_and_a_start_of_an_idle_queue_cost_microseconds()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        using var harness = new DriverHarness(new EchoDevice(host), host);
        harness.Start();
        harness.Queues[0].Call(DriverBuffer.Writable(ram.Allocate(8), 8));
        var stops = new long[2001];
        for (int i = 0; i < stops.Length; i++)
        {
            harness.Queues[0].Call(DriverBuffer.Writable(0x1000, 8));
            long start = Stopwatch.GetTimestamp();
            harness.Queues[0].Stop();
            stops[i] = Stopwatch.GetTimestamp() - start;
            harness.Queues[0].Start();
        }

        Array.Sort(stops);
        double median = Stopwatch.GetElapsedTime(0, stops[stops.Length / 2]).TotalMicroseconds;
        output.WriteLine($"stop: median {median:f1} us, worst {Stopwatch.GetElapsedTime(0, stops[^1]).TotalMicroseconds:f1} us");
        Assert.InRange(median, 0, 1000);
    }

    private static TimeSpan Run(QueueRig rig, DriverBuffer[] request, bool indirect, int rounds)
    {
        long ticks = 0;
        for (int done = 0; done < rounds; done += 64)
        {
            for (int i = 0; i < 64; i++) _ = indirect ? rig.Driver.AddIndirect(request) : rig.Driver.Add(request);
            rig.Driver.Kick();

            long start = Stopwatch.GetTimestamp();
            rig.Device.DisableDoorbell();
            while (rig.Pop(out DescriptorChain chain) == PopStatus.Popped) rig.Device.AddUsed(chain.Head, chain.WritableBytes);
            rig.Device.Publish();
            rig.Device.EnableDoorbell();
            ticks += Stopwatch.GetTimestamp() - start;
            while (rig.Driver.TryCollect(out _)) { }
        }

        return Stopwatch.GetElapsedTime(0, ticks);
    }
}
