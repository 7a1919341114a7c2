using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Plugins.VirtioBlk.Images;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>
/// direct=on where O_DIRECT asks for more than 512 bytes: whatever buffers the guest sends, the host gets none that it would refuse. Without
/// such a disk, by a layer that is as strict; the kvm tier has a loop device.
/// </summary>
public sealed class DirectUnitsTests
{
    public static TheoryData<string, uint, uint> Units => new()
    {
        { "io_uring-direct", 512, 512 },
        { "io_uring-direct", 4, 4096 },
        { "io_uring-direct", 512, 4096 },
        { "io_uring-direct", 4096, 4096 },
        { "sync-direct", 4096, 4096 },
        { "io_uring-direct", 512, 16384 },
    };

    [Theory]
    [MemberData(nameof(Units))]
    public void Any_buffers_at_any_sector_move_the_right_bytes(string engine, uint memory, uint offset)
    {
        var disk = new StrictDisk(new DirectUnits(memory, offset));
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        byte[] model = DiskRig.Content();
        var random = new Random(20261121);
        ulong ram = rig.Ram.Allocate(4 << 20, 4096);
        DriverBuffer header = rig.Header(DiskRig.In, 0), status = rig.Status();
        int unit = (int)(offset / 512);
        for (int round = 0; round < 600; round++)
        {
            // Whole units in whole pages often enough, and anything else.
            bool tidy = random.Next(3) == 0;
            int sectors = random.Next(1, random.Next(8) == 0 ? 700 : 40), sector = random.Next(DiskRig.Sectors - sectors);
            if (tidy)
            {
                sectors = (sectors + unit - 1) / unit * unit;
                sector = sector / unit * unit;
                sector = Math.Min(sector, DiskRig.Sectors - sectors);
            }

            bool write = random.Next(2) == 0;
            DriverBuffer[] pieces = Cut(random, ram, sectors * 512, tidy && random.Next(2) == 0 ? 4096 : random.Next(4) == 0 ? 1 : 512, write);
            rig.Ram.Write(header.Address, write ? DiskRig.Out : DiskRig.In);
            rig.Ram.Write(header.Address + 8, (ulong)sector);
            rig.Ram.Bytes(status.Address, 1)[0] = DiskRig.Untouched;
            Span<byte> expected = model.AsSpan(sector * 512, sectors * 512);
            if (write)
            {
                random.NextBytes(expected);
                Spread(rig, pieces, expected);
            }

            rig.Queue.Call([header, .. pieces, status]);
            Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]);
            if (!write) Assert.True(expected.SequenceEqual(pieces.SelectMany(rig.Bytes).ToArray()), $"round {round}: sector {sector}, {sectors} sectors");
        }

        Assert.Equal(0, disk.Refused);
        Assert.True(disk.Direct > 20, $"{disk.Direct} direct");
        Assert.True(disk.Bounced > 20, $"{disk.Bounced} bounced");
        Assert.True(offset == 512 ? disk.Buffered == 0 : disk.Buffered > 20, $"{disk.Buffered} buffered");
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Flush, 0));
        rig.Harness.Stop();
        Assert.Equal(model, rig.File());
    }

    [Theory]
    [InlineData(512u, 512u, 512ul)]
    [InlineData(512u, 4096u, 4096ul)]
    [InlineData(4u, 16384u, 16384ul)]
    public void The_driver_is_told_the_unit_as_the_block_size(uint memory, uint offset, ulong block)
    {
        using var rig = new DiskRig("io_uring-direct", prepare: host => host.Offer<IEngineLayer>(new StrictDisk(new DirectUnits(memory, offset))));
        Assert.Equal(block, rig.Config(20, 4));
        Assert.Equal(block * 8 / 4096, rig.Config(44, 4) >> (int)rig.Config(24, 1));
    }

    [Theory]
    [InlineData("io_uring-direct")]
    [InlineData("sync-direct")]
    public void Zeros_at_any_sector_are_written_where_the_host_has_no_call_for_it(string engine)
    {
        const int EOPNOTSUPP = 95;
        var disk = new FaultyDisk { Fails = (operation, _) => operation is Operation.Punch or Operation.Zero ? -EOPNOTSUPP : 0 };
        using var rig = new DiskRig(engine, prepare: host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        byte[] model = DiskRig.Content();
        (int Sector, int Count)[] ranges = [(0, 8), (9, 1), (15, 18), (40, 512), (601, 1030), (2047, 1)];
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges([.. ranges.Select(r => ((ulong)r.Sector, (uint)r.Count, 0u))])));
        foreach ((int sector, int count) in ranges) model.AsSpan(sector * 512, count * 512).Clear();
        Assert.Equal(DiskRig.Unsupported, rig.Call(DiskRig.Discard, 0, rig.Ranges((8, 8, 0))));
        rig.Harness.Stop();
        Assert.Equal(model, rig.File());
    }

    [Fact]
    public void The_end_of_a_disk_that_is_no_whole_unit_can_be_read_and_written()
    {
        const int sectors = 2045;
        using var file = new TemporaryFile(DiskRig.Content().AsSpan(0, sectors * 512));
        var disk = new StrictDisk(new DirectUnits(512, 4096));
        using var rig = new DiskRig("io_uring-direct", c => c["path"] = file.Path, host => host.Offer<IEngineLayer>(disk));
        rig.Harness.Start();
        Assert.Equal(DiskRig.Expected(sectors - 8, 4096), rig.Read(sectors - 8, 4096));
        byte[] fresh = [.. Enumerable.Repeat((byte)0x5c, 512)];
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, sectors - 1, rig.Data(fresh)));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, sectors - 1, rig.Data(new byte[1024])));
        Assert.Equal(fresh, rig.Read(sectors - 1, 512));
        rig.Harness.Stop();
        Assert.Equal(sectors * 512, new FileInfo(file.Path).Length);
    }

    /// <summary>Buffers of so many bytes in all, each a multiple of a grain long and at a multiple of it.</summary>
    private static DriverBuffer[] Cut(Random random, ulong ram, int bytes, int grain, bool readable)
    {
        var pieces = new List<DriverBuffer>();
        ulong at = ram + (ulong)(random.Next(4096 / grain) * grain);
        while (bytes > 0)
        {
            int most = pieces.Count == 50 ? bytes : Math.Min(bytes, random.Next(1, 1 + 65536 / grain) * grain);
            pieces.Add(readable ? DriverBuffer.Readable(at, (uint)most) : DriverBuffer.Writable(at, (uint)most));
            bytes -= most;
            at += (ulong)(most + (random.Next(2) == 0 ? 0 : grain));
        }

        return [.. pieces];
    }

    private static void Spread(DiskRig rig, DriverBuffer[] pieces, ReadOnlySpan<byte> data)
    {
        foreach (DriverBuffer piece in pieces)
        {
            data[..(int)piece.Length].CopyTo(rig.Ram.Bytes(piece.Address, (int)piece.Length));
            data = data[(int)piece.Length..];
        }
    }
}
