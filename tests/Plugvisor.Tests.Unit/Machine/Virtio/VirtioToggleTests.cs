using Plugvisor.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>Hostile case 21 is about what the whole process holds, so nothing else may run beside it.</summary>
[Collection(nameof(WholeProcess))]
public sealed class VirtioToggleTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Hostile_21_status_toggled_100000_times_costs_little_and_nothing_that_grows()
    {
        var device = new FakeVirtioDevice();
        GuestDriver guest = _machine.Add(device);
        double each = Measure(100_000, () =>
        {
            guest.SetStatus(1);
            guest.SetStatus(0);
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"a toggle: {each:0.0} us");
        Assert.True(each < 10, $"a toggle took {each:0.00} us");
        Assert.Equal(0, guest.StatusNow);
        Assert.Empty(device.Calls);
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Hostile_21_each_of_10000_resets_with_a_request_in_flight_drains_it_and_nothing_grows()
    {
        var device = new HoldingDevice(_machine.Memory);
        var pci = new VirtioPciDevice("_held", device, _machine.Environment, _machine.Log);
        Assert.True(_machine.Segment.TryAdd(pci, null, out _));
        var guest = new GuestDriver(_machine, pci);
        guest.PrepareRequest();   // the ring is as new after a reset, so each round finds it

        double each = Measure(10_000, () =>
        {
            guest.Start(0);
            while (!device.Holds) Thread.Yield();
            Assert.True(guest.Reset());
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"start, take a request, reset: {each:0.0} us");
        Assert.Equal(10_100, device.Drained);
        Assert.Empty(_machine.Log.Lines);
        Assert.True(pci.Remove());
    }

    /// <summary>Runs an action many times after a warm-up and checks that nothing grew.</summary>
    /// <returns>Microseconds of processor time each.</returns>
    private static double Measure(int times, Action toggle)
    {
        for (int i = 0; i < times / 100; i++) toggle();
        long memory = GC.GetTotalMemory(forceFullCollection: true);
        GC.WaitForPendingFinalizers();   // what tests before this one left behind
        int threads = Threads(), descriptors = Descriptors();
        TimeSpan before = Environment.CpuUsage.TotalTime;   // not the clock: the machine may be busy with something else
        for (int i = 0; i < times; i++) toggle();
        double each = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / times;
        Assert.True(Descriptors() <= descriptors, $"from {descriptors} to {Descriptors()} descriptors");
        Assert.True(Threads() <= threads + 2, $"from {threads} to {Threads()} threads");   // the runtime's own come and go
        long grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(grown < 1 << 20, $"{grown} bytes more are in use");
        return each;
    }

    private static int Threads() => Directory.GetDirectories("/proc/self/task").Length;

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;
}
