using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>
/// Hostile case 29: the host's disk does not answer for as long as it likes. The guest sees a late completion and nothing else.
/// </summary>
public sealed class StallingDiskTests
{
    private const ulong Slow = 1024;   // sectors from here on stall

    public static TheoryData<string> Engines => ["io_uring", "sync"];

    [Theory]
    [MemberData(nameof(Engines))]
    public void Hostile_29_A_stalled_request_comes_back_late_and_nothing_else_waits_for_it(string engine)
    {
        FaultyDisk disk = Stalling();
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        using IDisposable end = disk.ReleaseAtEnd();
        using var other = new DiskRig(engine);
        rig.Harness.Start();
        other.Harness.Start();
        (DriverBuffer room, DriverBuffer status) = Stall(rig, disk);

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(DiskRig.Expected(i, 512), rig.Read((ulong)i, 512));
            Assert.Equal(DiskRig.Expected(i, 512), other.Read((ulong)i, 512));
        }

        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        Assert.Equal(DiskRig.Untouched, rig.Bytes(status)[0]);
        Assert.All(rig.Bytes(room), b => Assert.Equal(DiskRig.Untouched, b));

        disk.Release();
        Assert.Equal(4097u, rig.Queue.Collect().Written);
        Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]);
        Assert.Equal(DiskRig.Expected((int)Slow, 4096), rig.Bytes(room));
        Assert.Empty(rig.Host.Failures);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Hostile_29_A_stall_costs_no_processor_time_and_one_line(string engine)
    {
        var clock = new ManualClock();
        FaultyDisk disk = Stalling();
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk), clock: clock);
        using IDisposable end = disk.ReleaseAtEnd();
        rig.Harness.Start();
        Stall(rig, disk);
        // It sleeps until something happens.
        rig.Harness.WaitFor(() =>
        {
            int waits = disk.Waits;
            return waits > 0 && !DriverHarness.HoldsWithin(() => disk.Waits != waits, TimeSpan.FromMilliseconds(50));
        }, "sleep");

        // Other requests come and go meanwhile; how many it takes until the clock is looked at depends on whether the thread sleeps between them.
        for (int i = 0; i < 5000 && !rig.Log().Contains("has not answered", StringComparison.Ordinal); i++) AdvanceAndRead();
        for (int i = 0; i < 20; i++) AdvanceAndRead();

        string line = Assert.Single(rig.Host.MockLog.Lines, l => l.Contains("has not answered", StringComparison.Ordinal));
        Assert.Equal("warn: _disk0_q0: the host's disk has not answered a request for 10 seconds; the guest waits for it", line);
        disk.Release();
        rig.Queue.Collect();

        void AdvanceAndRead()
        {
            clock.Advance(TimeSpan.FromSeconds(2));
            rig.Read(8, 512);
        }
    }

    [Fact]
    public void A_busy_disk_that_answers_is_not_called_stalled()
    {
        var clock = new ManualClock();
        using var rig = new DiskRig("io_uring", clock: clock);
        rig.Harness.Start();
        for (int i = 0; i < 50; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(20));
            rig.Read(8, 512);
        }

        Assert.DoesNotContain("has not answered", rig.Log(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Hostile_28_and_29_A_stop_waits_for_a_stalled_request_and_after_it_nothing_is_touched(string engine)
    {
        FaultyDisk disk = Stalling();
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        using IDisposable end = disk.ReleaseAtEnd();
        rig.Harness.Start();
        (DriverBuffer room, DriverBuffer status) = Stall(rig, disk);
        QueueState state = default;
        using var stopped = new ManualResetEventSlim();
        var stopper = new Thread(() =>
        {
            state = rig.Queue.Stop();
            stopped.Set();
        });
        stopper.Start();
        Assert.False(stopped.Wait(50, TestContext.Current.CancellationToken));   // the host's disk may still write to the guest's memory, so the queue is not stopped

        disk.Release();
        Assert.True(stopped.Wait(DriverHarness.Deadline, TestContext.Current.CancellationToken));
        stopper.Join();
        Assert.Equal(state.NextAvail, state.NextUsed);
        Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]);
        rig.Ram.Bytes(room.Address, 4096).Fill(0xc5);
        Assert.False(DriverHarness.HoldsWithin(() => rig.Ram.Bytes(room.Address, 4096).ContainsAnyExcept((byte)0xc5), TimeSpan.FromMilliseconds(50)));

        while (rig.Queue.Driver.TryCollect(out _)) { }
        rig.Harness.Resume();
        Assert.Equal(DiskRig.Expected(8, 512), rig.Read(8, 512));
    }

    [Fact]
    public void Flushes_that_come_during_a_stalled_one_share_the_next()
    {
        var disk = new FaultyDisk { Holds = (operation, _) => operation == Operation.Sync };
        using var rig = new DiskRig("io_uring", prepare: host => host.Offer<IEngineLayer>(disk));
        using IDisposable end = disk.ReleaseAtEnd();
        rig.Harness.Start();
        DriverBuffer[] statuses = [.. Enumerable.Range(0, 20).Select(_ => rig.Status())];
        foreach (DriverBuffer status in statuses) rig.Queue.Driver.Add(rig.Header(DiskRig.Flush, 0), status);
        rig.Queue.Kick();
        rig.Harness.WaitFor(() => disk.Held == 1, "the first flush");
        Assert.Equal(DiskRig.Expected(8, 512), rig.Read(8, 512));   // reads go on meanwhile
        Assert.All(statuses, status => Assert.Equal(DiskRig.Untouched, rig.Bytes(status)[0]));
        disk.Release();
        for (int i = 0; i < statuses.Length; i++) rig.Queue.Collect();
        Assert.All(statuses, status => Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]));
    }

    private static FaultyDisk Stalling() => new() { Holds = (operation, sector) => operation != Operation.Sync && sector >= Slow };

    /// <summary>Sends a read that stalls.</summary>
    private static (DriverBuffer Room, DriverBuffer Status) Stall(DiskRig rig, FaultyDisk disk)
    {
        DriverBuffer room = rig.Room(4096), status = rig.Status();
        rig.Queue.Driver.Add(rig.Header(DiskRig.In, Slow), room, status);
        rig.Queue.Kick();
        rig.Harness.WaitFor(() => disk.Held == 1, "the stall");
        return (room, status);
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _now);

        public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks);
    }
}
