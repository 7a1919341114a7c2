using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>Hostile case 29: the host's disk answers with EIO or ENOSPC. The guest sees IOERR, and the queue lives.</summary>
public sealed class FailingDiskTests
{
    private const ulong Bad = 1024;   // sectors from here on are broken

    public static TheoryData<string, int, string> Failures => new()
    {
        { "io_uring", FaultyDisk.EIO, "Input/output error" },
        { "sync", FaultyDisk.EIO, "Input/output error" },
        { "io_uring-direct", FaultyDisk.EIO, "Input/output error" },
        { "io_uring", FaultyDisk.ENOSPC, "filesystem is full" },
        { "sync", FaultyDisk.ENOSPC, "filesystem is full" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Hostile_29_every_kind_of_request_that_the_host_fails_is_an_io_error_and_the_queue_lives(string engine, int errno, string words)
    {
        var disk = new FaultyDisk { Fails = (operation, sector) => operation != Operation.Sync && sector >= Bad ? -errno : 0 };
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        for (int round = 0; round < 3; round++)
        {
            DriverBuffer room = rig.Room(4096);
            Assert.Equal(DiskRig.IoError, rig.Call(out uint written, DiskRig.In, Bad, room));
            Assert.Equal(0u, written);
            Assert.All(rig.Bytes(room), b => Assert.Equal(DiskRig.Untouched, b));
            Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, Bad + 8, rig.Data(new byte[512])));
            Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0, rig.Ranges((Bad, 8, 0))));
            Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((8, 0, 0), (Bad, 8, 0))));
            Assert.Equal(DiskRig.Expected(8, 4096), rig.Read(8, 4096));
            Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        }

        Assert.Equal(3ul, rig.Host.MockCounters["read_ops"]);
        Assert.Equal(0ul, rig.Host.MockCounters["write_ops"]);
        Assert.Equal(DiskRig.Content(), rig.File());
        Assert.Contains(words, rig.Log(), StringComparison.Ordinal);
        Assert.Empty(rig.Host.Failures);
        Assert.Empty(rig.Harness.Transport.ResetReasons);
    }

    [Theory]
    [InlineData("io_uring")]
    [InlineData("sync")]
    public void Hostile_29_failures_and_successes_in_one_batch_keep_apart(string engine)
    {
        var disk = new FaultyDisk { Fails = (_, sector) => sector % 16 == 8 ? -FaultyDisk.EIO : 0 };
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        var requests = new List<(ulong Sector, DriverBuffer Room, DriverBuffer Status)>();
        for (ulong i = 0; i < 32; i++)
        {
            requests.Add((i * 8, rig.Room(4096), rig.Status()));
            rig.Queue.Driver.Add(rig.Header(DiskRig.In, i * 8), requests[^1].Room, requests[^1].Status);
        }

        rig.Queue.Kick();
        for (int i = 0; i < requests.Count; i++) rig.Queue.Collect();
        foreach ((ulong sector, DriverBuffer room, DriverBuffer status) in requests)
        {
            bool broken = sector % 16 == 8;
            Assert.Equal(broken ? DiskRig.IoError : DiskRig.Ok, rig.Bytes(status)[0]);
            if (!broken) Assert.Equal(DiskRig.Expected((int)sector, 4096), rig.Bytes(room));
        }
    }

    [Fact]
    public void Hostile_29_A_flush_that_fails_is_an_io_error_on_every_queue_once()
    {
        bool broken = false;
        var disk = new FaultyDisk { Fails = (operation, _) => operation == Operation.Sync && Volatile.Read(ref broken) ? -FaultyDisk.EIO : 0 };
        using var rig = new DiskRig("io_uring", c => c["num_queues"] = 2, host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        Volatile.Write(ref broken, true);
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Flush, 0));
        Volatile.Write(ref broken, false);
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));

        // What the other queue wrote may be among what was lost.
        foreach (byte expected in (byte[])[DiskRig.IoError, DiskRig.Ok])
        {
            DriverBuffer status = rig.Status();
            rig.Harness.Queues[1].Call(rig.Header(DiskRig.Flush, 0), status);
            Assert.Equal(expected, rig.Bytes(status)[0]);
        }
    }

    [Fact]
    public void Hostile_29_A_host_that_asks_to_try_again_for_ever_is_an_io_error_in_the_end()
    {
        const int EAGAIN = 11;
        int tries = 0;
        var disk = new FaultyDisk { Fails = (_, sector) => sector == Bad && Interlocked.Increment(ref tries) > 0 ? -EAGAIN : 0 };
        using var rig = new DiskRig("io_uring", prepare: host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, Bad, rig.Room(512)));
        Assert.InRange(tries, 2, 100);
    }
}
