using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>
/// Hostile case 21, 100,000 times each. It is about what the whole process holds and uses, so nothing else may run beside it. Processor time, not
/// the clock: the machine may be busy with something else. The bounds leave room for machines on which waking a thread is dear.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class VirtioToggleTests
{
    private const int Times = 100_000;

    [Fact]
    public void Hostile_21_status_toggled_without_io_costs_little_and_nothing_that_grows()
    {
        using var machine = new VirtioPciMachine();
        var device = new FakeVirtioDevice();
        GuestDriver guest = machine.Add(device);
        double each = Measure("a toggle", () =>
        {
            guest.SetStatus(1);
            guest.SetStatus(0);
        });
        Assert.True(each < 10, $"a toggle took {each:0.00} us");
        Assert.Equal(0, guest.StatusNow);
        Assert.Empty(device.Calls);
        Assert.Empty(machine.Log.Lines);
    }

    [Fact]
    public void Hostile_21_starts_and_resets_with_io_made_available_cost_less_than_a_core_second()
    {
        using var machine = new VirtioPciMachine();
        var device = new HoldingDevice(machine.Memory);
        GuestDriver guest = machine.Add(device);
        guest.PrepareRequest();   // the ring is as new after a reset, so each round finds it
        double each = Measure("start, kick, reset", () =>
        {
            guest.Start(0);
            guest.Kick(0);
            guest.SetStatus(0);
            while (guest.StatusNow != 0) Thread.Yield();
        });

        // The driver's own accesses to registers are about half of it.
        Assert.True(each < 20, $"a start and a reset took {each:0.00} us");
        Assert.True(device.Drained > 0);   // there was I/O in flight, as often as the host lets a driver have it
        Assert.Contains("more than 200 times a second", Assert.Single(machine.Log.Lines), StringComparison.Ordinal);

        guest.Start(0);
        Assert.True(SpinWait.SpinUntil(() => device.Holds, TimeSpan.FromSeconds(10)), "a driver that goes on is not served");
        Assert.True(guest.Reset());
    }

    [Fact]
    public void Hostile_21_each_reset_with_a_request_in_flight_drains_it_and_nothing_grows()
    {
        using var machine = new VirtioPciMachine(startsPerSecond: 0);
        var device = new HoldingDevice(machine.Memory);
        GuestDriver guest = machine.Add(device);
        guest.PrepareRequest();
        double each = Measure("start, take a request, reset", () =>
        {
            guest.Start(0);
            while (!device.Holds) Thread.Yield();
            Assert.True(guest.Reset());
        });
        Assert.True(each < 200, $"a start and a reset with a request in flight took {each:0.00} us");
        Assert.Equal(Times + Times / 100, device.Drained);
        Assert.Empty(machine.Log.Lines);
    }

    /// <summary>Runs an action many times after a warm-up and checks that nothing grew.</summary>
    /// <returns>Microseconds of processor time each.</returns>
    private static double Measure(string what, Action toggle)
    {
        for (int i = 0; i < Times / 100; i++) toggle();
        long memory = GC.GetTotalMemory(forceFullCollection: true);
        GC.WaitForPendingFinalizers();   // what tests before this one left behind
        int threads = ProcessResources.Threads, descriptors = ProcessResources.OpenDescriptors;
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < Times; i++) toggle();
        double each = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Times;
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {each:0.0} us");
        // The runtime's own come and go.
        Assert.True(ProcessResources.DescriptorsFallTo(descriptors + 16), $"from {descriptors} to {ProcessResources.OpenDescriptors} descriptors");
        Assert.True(DriverHarness.HoldsWithin(() => ProcessResources.Threads <= threads + 4, DriverHarness.Deadline), $"from {threads} to {ProcessResources.Threads} threads");
        long grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(grown < 1 << 20, $"{grown} bytes more are in use");
        return each;
    }
}
