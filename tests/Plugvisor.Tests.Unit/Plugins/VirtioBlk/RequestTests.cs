using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

public sealed class RequestTests
{
    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_read_brings_the_sectors_and_tells_how_much_it_wrote(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        DriverBuffer room = rig.Room(4096, 4096);
        Assert.Equal(DiskRig.Ok, rig.Call(out uint written, DiskRig.In, 24, room));
        Assert.Equal(4097u, written);
        Assert.Equal(DiskRig.Expected(24, 4096), rig.Bytes(room));
        Assert.Equal(DiskRig.Expected(DiskRig.Sectors - 1, 512), rig.Read(DiskRig.Sectors - 1, 512));
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_read_is_scattered_over_many_buffers(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        DriverBuffer[] rooms = [rig.Room(512), rig.Room(1024), rig.Room(512), rig.Room(8192), rig.Room(512)];
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.In, 100, rooms));
        Assert.Equal(DiskRig.Expected(100, 10752), rooms.SelectMany(rig.Bytes).ToArray());
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_write_reaches_the_file_and_only_where_it_should(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        byte[] fresh = [.. Enumerable.Range(0, 1536).Select(i => (byte)(i * 3))];
        Assert.Equal(DiskRig.Ok, rig.Call(out uint written, DiskRig.Out, 8, rig.Data(fresh.AsSpan(0, 512)), rig.Data(fresh.AsSpan(512))));
        Assert.Equal(1u, written);
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        Assert.Equal(fresh, rig.Read(8, 1536));
        byte[] expected = DiskRig.Content();
        fresh.CopyTo(expected, 8 * 512);
        Assert.Equal(expected, rig.File());
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Buffers_may_be_cut_anywhere(string engine)
    {
        // Header in two pieces and the rest of it together with data; data in odd pieces at odd addresses; status behind data.
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        byte[] header = new byte[16];
        BitConverter.TryWriteBytes(header, DiskRig.Out);
        BitConverter.TryWriteBytes(header.AsSpan(8), 40ul);
        byte[] fresh = [.. Enumerable.Range(0, 1024).Select(i => (byte)(255 - i))];
        DriverBuffer status = rig.Status();
        rig.Queue.Call(
            rig.Data(header.AsSpan(0, 3), 1), rig.Data([.. header[3..], .. fresh[..100]], 1), rig.Data(fresh.AsSpan(100, 511), 1),
            rig.Data(fresh.AsSpan(611), 1), status);
        Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]);

        DriverBuffer first = rig.Room(7, 1), rest = rig.Room(1024 - 7 + 1, 1);
        uint written = rig.Queue.Call(rig.Header(DiskRig.In, 40), first, rest);
        Assert.Equal(1025u, written);
        byte[] read = [.. rig.Bytes(first), .. rig.Bytes(rest)];
        Assert.Equal(fresh, read[..1024]);
        Assert.Equal(DiskRig.Ok, read[1024]);
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Requests_larger_than_a_bounce_buffer_and_at_odd_addresses_are_whole(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        const int size = 400 * 1024;
        DriverBuffer room = rig.Room(size + 3, 4096);
        room = DriverBuffer.Writable(room.Address + 3, size);
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.In, 16, room));
        Assert.Equal(DiskRig.Expected(16, size), rig.Bytes(room));

        byte[] fresh = [.. Enumerable.Range(0, size).Select(i => (byte)(i * 31 + (i >> 9)))];
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, 1000, rig.Data(fresh.AsSpan(0, 1), 1), rig.Data(fresh.AsSpan(1), 2)));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        Assert.Equal(fresh, rig.File()[512_000..(512_000 + size)]);
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void The_serial_is_twenty_bytes_padded_with_zeros(string engine)
    {
        using var rig = new DiskRig(engine, config => config["serial"] = "plug-0001");
        rig.Harness.Start();
        DriverBuffer room = rig.Room(20);
        Assert.Equal(DiskRig.Ok, rig.Call(out uint written, DiskRig.GetId, 0, room));
        Assert.Equal(21u, written);
        Assert.Equal([.. "plug-0001"u8, .. new byte[11]], rig.Bytes(room));

        DriverBuffer more = rig.Room(64), less = rig.Room(4);
        Assert.Equal(DiskRig.Ok, rig.Call(out written, DiskRig.GetId, 0, more));
        Assert.Equal(20u, written);
        Assert.Equal(DiskRig.Untouched, rig.Bytes(more)[20]);
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.GetId, 0, less));
        Assert.Equal("plug", DiskRig.Text(rig.Bytes(less)));
    }

    [Fact]
    public void Without_a_serial_the_files_identity_is_one()
    {
        using var rig = new DiskRig("io_uring");
        using var other = new DiskRig("io_uring");
        rig.Harness.Start();
        other.Harness.Start();
        DriverBuffer room = rig.Room(20), otherRoom = other.Room(20);
        rig.Call(DiskRig.GetId, 0, room);
        other.Call(DiskRig.GetId, 0, otherRoom);
        Assert.Matches("^[0-9]{5,20}$", DiskRig.Text(rig.Bytes(room)));
        Assert.NotEqual(rig.Bytes(room), other.Bytes(otherRoom));
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Discard_and_write_zeroes_clear_ranges(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Discard, 0, rig.Ranges((64, 8, 0), (128, 16, 0))));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((200, 3, 0), (240, 8, 1), (300, 0, 0))));
        byte[] expected = DiskRig.Content();
        foreach ((int sector, int count) in new[] { (64, 8), (128, 16), (200, 3), (240, 8) })
            expected.AsSpan(sector * 512, count * 512).Clear();
        Assert.Equal(expected, rig.File());
        Assert.Equal(DiskRig.Sectors * 512, rig.File().Length);
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Thousands_of_requests_at_full_depth_all_bring_the_right_sectors(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        const int depth = 42, total = 5000;
        var slots = new (DriverBuffer Header, DriverBuffer Room, DriverBuffer Status)[depth];
        var byHead = new Dictionary<ushort, int>();
        var sectors = new int[depth];
        var random = new Random(1);
        int sent = 0;
        for (int i = 0; i < depth; i++) slots[i] = (rig.Header(DiskRig.In, 0), rig.Room(4096, 4096), rig.Status());
        for (int i = 0; i < depth; i++) Send(i);
        rig.Queue.Kick();
        for (int done = 0; done < total; done++)
        {
            UsedChain used = rig.Queue.Collect();
            int slot = byHead[used.Head];
            Assert.Equal(4097u, used.Written);
            Assert.Equal(DiskRig.Ok, rig.Bytes(slots[slot].Status)[0]);
            Assert.True(rig.Bytes(slots[slot].Room).AsSpan().SequenceEqual(DiskRig.Expected(sectors[slot], 4096)), $"sector {sectors[slot]}");
            if (sent >= total) continue;
            Send(slot);
            rig.Queue.Kick();
        }

        Assert.Equal((ulong)total, rig.Host.MockCounters["read_ops"]);
        Assert.Equal((ulong)total * 4096, rig.Host.MockCounters["read_bytes"]);

        void Send(int slot)
        {
            sectors[slot] = random.Next(DiskRig.Sectors - 8);
            rig.Ram.Write(slots[slot].Header.Address + 8, (ulong)sectors[slot]);
            rig.Ram.Bytes(slots[slot].Room.Address, 4096).Clear();
            rig.Ram.Bytes(slots[slot].Status.Address, 1)[0] = DiskRig.Untouched;
            byHead[rig.Queue.Driver.Add(slots[slot].Header, slots[slot].Room, slots[slot].Status)] = slot;
            sent++;
        }
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Counters_and_latencies_tell_what_was_done(string engine)
    {
        using var rig = new DiskRig(engine);
        Assert.Equal(ulong.MaxValue, rig.Host.MockCounters["read_latency_min"]);
        Assert.Equal(ulong.MaxValue, rig.Host.MockCounters["write_latency_max"]);
        rig.Harness.Start();
        rig.Read(0, 1024);
        rig.Read(0, 512);
        rig.Call(DiskRig.Out, 4, rig.Data(new byte[2048]));
        rig.Call(DiskRig.In, DiskRig.Sectors, rig.Room(512));
        Assert.Equal(2ul, rig.Host.MockCounters["read_ops"]);
        Assert.Equal(1536ul, rig.Host.MockCounters["read_bytes"]);
        Assert.Equal(1ul, rig.Host.MockCounters["write_ops"]);
        Assert.Equal(2048ul, rig.Host.MockCounters["write_bytes"]);
        ulong min = rig.Host.MockCounters["read_latency_min"], max = rig.Host.MockCounters["read_latency_max"];
        Assert.InRange(max, min, 10_000_000ul);
        Assert.InRange(rig.Host.MockCounters["read_latency_avg"], min, max);
        Assert.NotEqual(ulong.MaxValue, rig.Host.MockCounters["write_latency_avg"]);
    }
}
