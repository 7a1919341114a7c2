using System.Diagnostics;
using System.Text.Json.Nodes;
using Plugvisor.Linux.Memory;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.RateLimiting;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>Failing hosts, drains and limits.</summary>
public sealed class BackEndTests
{
    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_truncated_image_gives_errors_past_its_end_and_works_before_it(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        using (FileStream file = File.OpenWrite(rig.Path)) file.SetLength(64 * 1024);
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, 1000, rig.Room(4096, 4096)));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, 120, rig.Room(8192, 4096)));
        Assert.Equal(DiskRig.Expected(16, 4096), rig.Read(16, 4096));
        using (FileStream file = File.OpenWrite(rig.Path)) file.SetLength(DiskRig.Sectors * 512);
        Assert.Equal(new byte[4096], rig.Read(1000, 4096));
        Assert.Empty(rig.Host.Failures);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void A_write_that_the_host_refuses_is_an_error_and_the_queue_goes_on(string engine)
    {
        using MemFd memory = MemFd.Create("disk", DiskRig.Sectors * 512);
        using var rig = new DiskRig(engine, c => c["path"] = $"/proc/{Environment.ProcessId}/fd/{memory.Descriptor}");
        rig.Harness.Start();
        byte[] fresh = Enumerable.Repeat((byte)0x77, 512).ToArray();
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, 8, rig.Data(fresh)));
        Seal(memory);
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, 8, rig.Data(new byte[512])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0, rig.Ranges((8, 8, 0))));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((8, 8, 0))));
        Assert.Equal(fresh, rig.Read(8, 512));
        Assert.Equal(1ul, rig.Host.MockCounters["write_ops"]);
        Assert.Empty(rig.Host.Failures);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void Where_the_filesystem_cannot_zero_a_range_zeros_are_written(string engine)
    {
        // tmpfs, which is what a memfd is made of, punches holes but has no FALLOC_FL_ZERO_RANGE.
        const int size = 16 << 20;
        using MemFd memory = MemFd.Create("disk", size);
        string path = $"/proc/{Environment.ProcessId}/fd/{memory.Descriptor}";
        using (FileStream file = File.OpenWrite(path)) file.Write(Enumerable.Repeat((byte)0x55, size).ToArray());
        using var rig = new DiskRig(engine, c => c["path"] = path);
        rig.Harness.Start();
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((1, 5000, 0), (10_000, 1, 0), (20_000, 8, 1))));
        byte[] after = File.ReadAllBytes(path);
        for (int sector = 0; sector < size / 512; sector++)
        {
            bool zeroed = sector is >= 1 and < 5001 or 10_000 or >= 20_000 and < 20_008;
            Assert.False(after.AsSpan(sector * 512, 512).ContainsAnyExcept(zeroed ? (byte)0 : (byte)0x55), $"sector {sector}");
        }
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_reset_with_128_requests_in_flight_leaves_no_late_dma(string engine)
    {
        using var rig = new DiskRig(engine, c => c["queue_size"] = 512);
        DriverBuffer[] rooms = [.. Enumerable.Range(0, 128).Select(_ => rig.Room(16384, 4096))];
        DriverBuffer header = rig.Header(DiskRig.In, 64), status = rig.Status();
        for (int round = 0; round < 20; round++)
        {
            rig.Harness.Start();
            foreach (DriverBuffer room in rooms) rig.Queue.Driver.Add(header, room, status);
            rig.Queue.Kick();
            rig.Harness.Reset();
            foreach (DriverBuffer room in rooms) rig.Ram.Bytes(room.Address, 16384).Fill(0xc5);
            foreach (DriverBuffer room in rooms) Assert.False(rig.Ram.Bytes(room.Address, 16384).ContainsAnyExcept((byte)0xc5));
        }

        rig.Ram.Bytes(rooms[0].Address, 16384).Fill(0xc5);
        Assert.False(DriverHarness.HoldsWithin(
            () => rooms.Any(room => rig.Ram.Bytes(room.Address, 16384).ContainsAnyExcept((byte)0xc5)), TimeSpan.FromMilliseconds(50)));
        rig.Harness.Start();
        Assert.Equal(DiskRig.Expected(8, 4096), rig.Read(8, 4096));
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void An_operations_limit_spreads_requests_over_time(string engine)
    {
        using var rig = new DiskRig(engine, c => c["rate_limiter_config"] = Limits("ops", size: 10, refill: 100));
        rig.Harness.Start();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 30; i++) rig.Read(8, 512);
        // 10 at once, the other 20 at 100 a second.
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.19, 20);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void A_bandwidth_limit_counts_bytes(string engine)
    {
        using var rig = new DiskRig(engine, c => c["rate_limiter_config"] = Limits("bandwidth", size: 65536, refill: 100));
        rig.Harness.Start();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3; i++) rig.Read(8, 65536);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.19, 20);
        start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 100; i++) rig.Call(DiskRig.Flush, 0);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 20);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void A_stop_does_not_wait_for_a_limiter(string engine)
    {
        using var rig = new DiskRig(engine, c => c["rate_limiter_config"] = Limits("ops", size: 1, refill: 3_600_000));
        rig.Harness.Start();
        DriverBuffer first = rig.Status(), second = rig.Status(), third = rig.Status();
        rig.Queue.Driver.Add(rig.Header(DiskRig.In, 8), rig.Room(512), first);
        rig.Queue.Driver.Add(rig.Header(DiskRig.In, 8), rig.Room(512), second);
        rig.Queue.Driver.Add(rig.Header(DiskRig.In, 8), rig.Room(512), third);
        rig.Queue.Kick();
        rig.Queue.Collect();
        rig.Harness.WaitFor(() => rig.Bytes(first)[0] == DiskRig.Ok, "the first");
        Assert.Equal(DiskRig.Untouched, rig.Bytes(third)[0]);
        rig.Harness.Stop();
        Assert.Equal(rig.Queue.State.NextAvail, rig.Queue.State.NextUsed);
        Assert.Equal(DiskRig.Untouched, rig.Bytes(third)[0]);
    }

    [Fact]
    public void Disks_of_a_group_share_its_tokens()
    {
        var group = new RateLimiter(null, TokenBucket.Create(4, 0, 200), TimeProvider.System);
        using var one = new DiskRig("io_uring", c => c["rate_limit_group"] = "g", host => host.Offer<IRateLimitGroups>(new Groups(group)));
        using var two = new DiskRig("sync", c => c["rate_limit_group"] = "g", host => host.Offer<IRateLimitGroups>(new Groups(group)));
        one.Harness.Start();
        two.Harness.Start();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 4; i++)
        {
            one.Read(8, 512);
            two.Read(8, 512);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.19, 20);
    }

    [Fact]
    public void Each_queue_has_a_thread_of_its_own_with_its_name_and_all_serve()
    {
        using var rig = new DiskRig("io_uring", c => { c["num_queues"] = 3; c["queue_affinity"] = new JsonArray(
            new JsonObject { ["queue_index"] = 1, ["host_cpus"] = new JsonArray(0) }); });
        rig.Harness.Start();
        for (int queue = 0; queue < 3; queue++)
        {
            DriverBuffer room = rig.Room(512), status = rig.Status();
            Assert.Equal(513u, rig.Harness.Queues[queue].Call(rig.Header(DiskRig.In, 9), room, status));
            Assert.Equal(DiskRig.Expected(9, 512), rig.Bytes(room));
        }

        Assert.Equal(["_disk0_q0", "_disk0_q1", "_disk0_q2"], rig.Host.Threads.Select(t => t.Name!).Order());
        Assert.DoesNotContain("affinity", rig.Log(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void The_engine_that_was_chosen_is_told(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        rig.Read(0, 512);
        Assert.Contains(engine == "sync" ? "plain system calls" : "io_uring", rig.Log(), StringComparison.Ordinal);
    }

    /// <summary>F_ADD_SEALS (1033) with F_SEAL_WRITE (8): from then on writes fail with EPERM.</summary>
    private static void Seal(MemFd memory)
    {
        string script = $"import fcntl;fcntl.fcntl(open('/proc/{Environment.ProcessId}/fd/{memory.Descriptor}','r+'),1033,8)";
        using Process process = Process.Start("python3", ["-c", script]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private static JsonObject Limits(string bucket, int size, int refill) =>
        new() { [bucket] = new JsonObject { ["size"] = size, ["refill_time"] = refill } };

    private sealed class Groups(RateLimiter limiter) : IRateLimitGroups
    {
        public RateLimiter? Find(string id) => id == "g" ? limiter : null;
    }
}
