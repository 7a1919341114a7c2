using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>Case 27 of the hostile ones: what a driver must not send is answered with an error, and the queue goes on.</summary>
public sealed class MalformedRequestTests
{
    public static TheoryData<ulong, int> OutOfRange => new()
    {
        { DiskRig.Sectors, 512 },
        { DiskRig.Sectors - 1, 1024 },
        { DiskRig.Sectors + 1, 512 },
        { ulong.MaxValue, 512 },
        { ulong.MaxValue / 512, 4096 },
        { 1ul << 63, 512 },
        { 0, 511 },
        { 0, 1 },
        { 7, 4095 },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void A_transfer_past_the_end_or_of_odd_length_fails_and_touches_nothing(ulong sector, int bytes)
    {
        foreach (string engine in new[] { "io_uring", "sync" })
        {
            using var rig = new DiskRig(engine);
            rig.Harness.Start();
            DriverBuffer room = rig.Room(bytes);
            Assert.Equal(DiskRig.IoError, rig.Call(out uint written, DiskRig.In, sector, room));
            Assert.Equal(0u, written);
            Assert.All(rig.Bytes(room), b => Assert.Equal(DiskRig.Untouched, b));
            Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, sector, rig.Data(new byte[bytes])));
            Assert.Equal(DiskRig.Content(), rig.File());
            Assert.Equal(DiskRig.Expected(0, 512), rig.Read(0, 512));
        }
    }

    [Fact]
    public void An_unknown_type_is_unsupported()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        foreach (uint type in new uint[] { 2, 3, 5, 10, 14, 99, 0x8000_0000, uint.MaxValue })
            Assert.Equal(DiskRig.Unsupported, rig.Call(type, 0, rig.Room(512)));
        Assert.Equal(DiskRig.Expected(0, 512), rig.Read(0, 512));
    }

    [Theory]
    [InlineData(DiskRig.Out)]
    [InlineData(DiskRig.In)]
    [InlineData(DiskRig.Flush)]
    [InlineData(99u)]
    public void A_chain_without_room_for_its_status_cannot_be_answered_so_the_device_needs_a_reset(uint type)
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        rig.Read(5, 512);
        ushort used = rig.Queue.Driver.UsedIndex;
        rig.Queue.Driver.Add(rig.Header(type, 0), rig.Data(new byte[512]));
        rig.Queue.Driver.Add(rig.Header(DiskRig.In, 0), rig.Room(512), rig.Status());
        rig.Queue.Kick();
        rig.Harness.WaitFor(() => rig.Harness.Transport.IsLatched, "the latch");
        Assert.Equal("the driver sent a request without room for its status", Assert.Single(rig.Harness.Transport.ResetReasons));
        rig.Harness.Stop();
        Assert.Equal(used, rig.Queue.Driver.UsedIndex);   // nothing that a driver could take for an answer
        Assert.Equal(0, rig.Queue.InFlight);
        Assert.Equal(DiskRig.Content(), rig.File());
        Assert.Empty(rig.Host.Failures);

        rig.Harness.Reset();
        rig.Harness.Start();
        Assert.Equal(DiskRig.Expected(5, 512), rig.Read(5, 512));
    }

    [Fact]
    public void Data_that_goes_the_wrong_way_fails_and_touches_nothing()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        DriverBuffer room = rig.Room(512);
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, 0, rig.Data(new byte[512])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, 0, rig.Data(new byte[512]), room));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, 0, room));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, 0, rig.Data(new byte[512]), room));
        Assert.All(rig.Bytes(room), b => Assert.Equal(DiskRig.Untouched, b));
        Assert.Equal(DiskRig.Content(), rig.File());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    public void A_header_that_is_too_short_fails(int length)
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        DriverBuffer status = rig.Status();
        rig.Queue.Call(DriverBuffer.Readable(rig.Header(DiskRig.In, 0).Address, (uint)length), rig.Room(512), status);
        Assert.Equal(DiskRig.IoError, rig.Bytes(status)[0]);
    }

    [Fact]
    public void A_read_into_nothing_succeeds_and_a_write_of_nothing_too()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        Assert.Equal(DiskRig.Ok, rig.Call(out uint written, DiskRig.In, 3));
        Assert.Equal(1u, written);
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, DiskRig.Sectors));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, DiskRig.Sectors + 1));
    }

    [Fact]
    public void A_request_beyond_every_sensible_size_fails()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        DriverBuffer[] same = [.. Enumerable.Repeat(rig.Room(8 << 20), 10)];
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.In, 0, same));
        Assert.Equal(DiskRig.Expected(5, 512), rig.Read(5, 512));
    }

    [Theory]
    [InlineData(1ul << 63, 8u, 0u, DiskRig.IoError)]
    [InlineData(ulong.MaxValue, 1u, 0u, DiskRig.IoError)]
    [InlineData(0ul, uint.MaxValue, 0u, DiskRig.IoError)]
    [InlineData(2040ul, 9u, 0u, DiskRig.IoError)]
    [InlineData(2049ul, 0u, 0u, DiskRig.IoError)]
    [InlineData(8ul, 8u, 2u, DiskRig.Unsupported)]
    [InlineData(8ul, 8u, 0x8000_0000u, DiskRig.Unsupported)]
    public void Discards_and_write_zeroes_out_of_range_fail_and_touch_nothing(ulong sector, uint count, uint flags, byte expected)
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        Assert.Equal(expected, rig.Call(DiskRig.Discard, 0, rig.Ranges((16, 8, 0), (sector, count, flags))));
        Assert.Equal(expected, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((16, 8, 0), (sector, count, flags))));
        Assert.Equal(DiskRig.Content(), rig.File());
    }

    [Fact]
    public void A_discard_may_not_ask_for_unmap()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        Assert.Equal(DiskRig.Unsupported, rig.Call(DiskRig.Discard, 0, rig.Ranges((8, 8, 1))));
        Assert.Equal(DiskRig.Content(), rig.File());
    }

    [Fact]
    public void Ranges_must_be_whole_and_not_too_many()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        var many = new (ulong, uint, uint)[33];
        Array.Fill(many, (8ul, 1u, 0u));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0, rig.Data(new byte[15])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Data(new byte[17])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges(many)));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges(many[..32])));
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_read_only_disk_refuses_everything_that_writes(string engine)
    {
        using var rig = new DiskRig(engine, config => config["readonly"] = true);
        rig.Harness.Start();
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, 8, rig.Data(new byte[512])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0, rig.Ranges((8, 8, 0))));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((8, 8, 0))));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        Assert.Equal(DiskRig.Content(), rig.File());
        Assert.Equal(DiskRig.Expected(8, 512), rig.Read(8, 512));
    }
}
