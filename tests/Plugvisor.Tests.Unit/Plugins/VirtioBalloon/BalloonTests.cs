using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioBalloon;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBalloon;

public sealed class BalloonTests
{
    /// <summary>What is taken of one list at most.</summary>
    private const int MaxPages = 4096;

    [Theory]
    [InlineData("""{"size":0}""", 0ul, 2)]
    [InlineData("""{"size":0,"deflate_on_oom":true}""", 1ul << 2, 2)]
    [InlineData("""{"size":0,"free_page_reporting":true}""", 1ul << 5, 3)]
    public void It_offers_what_its_configuration_says(string config, ulong features, int queues)
    {
        using var rig = new BalloonRig(config);
        VirtioTraits traits = rig.Harness.Device.Traits;
        Assert.Equal(5, traits.DeviceType);
        Assert.Equal(features, traits.Features);
        Assert.Equal(new ushort[] { 128, 128, 32 }[..queues], traits.QueueSizes);
    }

    [Fact]
    public void The_driver_reads_how_much_is_wanted_and_writes_how_much_there_is()
    {
        using var rig = new BalloonRig("""{"size":8388608}""");
        IVirtioDevice device = rig.Harness.Device;
        byte[] config = new byte[8];
        device.ReadConfig(0, config);
        Assert.Equal((2048u, 0u), (BitConverter.ToUInt32(config), BitConverter.ToUInt32(config, 4)));
        device.WriteConfig(4, BitConverter.GetBytes(1000u));
        Assert.Equal(1000ul << 12, rig.Balloon.Actual);
        device.WriteConfig(0, BitConverter.GetBytes(7u));   // not writable
        Assert.Equal(8ul << 20, rig.Balloon.Target);

        rig.Balloon.Target = 16 << 20;
        Assert.True(rig.Harness.Transport.WaitForConfigChange(DriverHarness.Deadline));
        device.ReadConfig(0, config);
        Assert.Equal((4096u, 1000u), (BitConverter.ToUInt32(config), BitConverter.ToUInt32(config, 4)));

        rig.Harness.Reset();
        Assert.Equal((16ul << 20, 0ul), (rig.Balloon.Target, rig.Balloon.Actual));
        rig.Balloon.Target = 1 << 20;   // nobody to tell
    }

    [Fact]
    public void Pages_that_come_one_by_one_go_back_in_runs()
    {
        using var rig = new BalloonRig();
        rig.Move(rig.Inflate, 0x202, 0x201, 0x200, 0x300, 0x10_0000, 0x10_0001);
        Assert.Equal([(0x20_0000, 0x3000), (0x30_0000, 0x1000), (1ul << 32, 0x2000)], rig.Pages.Released);
        Assert.Equal(6ul, rig.Host.MockCounters["inflated_pages"]);
        Assert.Equal(3ul, rig.Host.MockCounters["released_ranges"]);
        rig.Move(rig.Deflate, 0x202, 0x201);
        Assert.Equal(2ul, rig.Host.MockCounters["deflated_pages"]);
        Assert.Equal(3, rig.Pages.Released.Length);
    }

    [Fact]
    public void A_list_in_pieces_is_one_list()
    {
        using var rig = new BalloonRig();
        ulong list = rig.Ram.Allocate(12);
        for (uint i = 0; i < 3; i++) rig.Ram.Write(list + 4 * i, 0x400 + i);
        rig.Inflate.Call(DriverBuffer.Readable(list, 1), DriverBuffer.Readable(list + 1, 6), DriverBuffer.Readable(list + 7, 5));
        Assert.Equal([(0x40_0000ul, 0x3000ul)], rig.Pages.Released);
    }

    [Fact]
    public void Pages_that_are_reported_as_free_go_back()
    {
        using var rig = new BalloonRig();
        rig.Reporting.Call(DriverBuffer.Writable(0x80_0000, 2 << 20), DriverBuffer.Writable(1ul << 32, 4 << 20));
        Assert.Equal([(0x80_0000ul, 2ul << 20), (1ul << 32, 4ul << 20)], rig.Pages.Released);
        Assert.Equal(6ul << 20, rig.Host.MockCounters["reported_bytes"]);
    }

    [Fact]
    public void A_size_beyond_ram_is_refused_in_the_words_of_the_interface()
    {
        var plugin = new Plugin();
        var context = new ConfigContext { MemorySize = 512 << 20 };
        Assert.Null(plugin.Validate(JsonElement.Parse("""{"size":536870912}"""), context));
        Assert.Equal("Balloon size (536870913) greater than RAM (536870912)", plugin.Validate(JsonElement.Parse("""{"size":536870913}"""), context));
        Assert.Equal("size", plugin.SizeMember);
    }

    [Fact]
    public void A_host_that_cannot_take_memory_back_is_an_error()
    {
        using var ram = new GuestMemoryMock();
        var error = Assert.Throws<DeviceException>(() => BalloonRig.Create(new MockDeviceHost(ram), """{"size":0}"""));
        Assert.Contains("__balloon", error.Message);
    }

    [Fact]
    public void Another_instance_knows_what_the_guest_has_handed_over()
    {
        using var rig = new BalloonRig();
        rig.Harness.Device.WriteConfig(4, BitConverter.GetBytes(1000u));
        ReadOnlyMemory<byte> saved = ((ISnapshottable)rig.Harness.Device).Save();
        using IVirtioDevice next = BalloonRig.Create(rig.Host, """{"size":8388608}""", saved);
        Assert.Equal((8ul << 20, 1000ul << 12), (((IMemoryBalloon)next).Target, ((IMemoryBalloon)next).Actual));
        Assert.Throws<DeviceException>(() => BalloonRig.Create(rig.Host, """{"size":0}""", new byte[] { 2, 0, 0, 0, 0 }));
    }

    [Theory]
    [InlineData(0xffff_ffffu)]      // beyond any address
    [InlineData(0x4000u)]           // the first page after the first region
    [InlineData(0xe8000u)]          // registers of devices
    [InlineData(0x10_1000u)]        // the first page after the second region
    public void Hostile_33_pages_outside_ram_are_left_alone(uint page)
    {
        using var rig = new BalloonRig();
        rig.Move(rig.Inflate, page, 0x200, page);
        Assert.Equal([(0x20_0000ul, 0x1000ul)], rig.Pages.Released);
        Assert.Contains("not RAM", rig.Log);
        Assert.False(rig.Harness.Transport.IsLatched);
    }

    [Fact]
    public void Hostile_33_a_run_over_the_end_of_ram_is_left_alone_as_a_whole()
    {
        using var rig = new BalloonRig();
        rig.Move(rig.Inflate, 0x3ffe, 0x3fff, 0x4000);
        Assert.Empty(rig.Pages.Released);
        rig.Move(rig.Inflate, 0xffff_fffe, 0xffff_ffff, 0, 1);   // nor do numbers wrap
        Assert.Equal([(0ul, 0x2000ul)], rig.Pages.Released);
    }

    [Fact]
    public void Hostile_33_duplicates_are_taken_once_beside_each_other_and_harmless_later()
    {
        using var rig = new BalloonRig();
        rig.Move(rig.Inflate, 0x200, 0x200, 0x201, 0x200, 0x201);
        Assert.Equal([(0x20_0000ul, 0x2000ul)], rig.Pages.Released);
        Assert.Equal(2ul, rig.Host.MockCounters["inflated_pages"]);
        rig.Move(rig.Inflate, 0x201);
        rig.Move(rig.Deflate, 0x201, 0x201, 0xffff_ffff);
        Assert.False(rig.Harness.Transport.IsLatched);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(3u)]
    [InlineData(5u)]
    [InlineData(4097u)]
    public void Hostile_33_lists_of_odd_lengths_are_read_as_far_as_they_go(uint length)
    {
        using var rig = new BalloonRig();
        ulong list = rig.Ram.Allocate(8192);
        rig.Inflate.Call(DriverBuffer.Readable(list, length));
        Assert.Equal(length >= 4 ? 1 : 0, rig.Pages.Released.Length);   // all of them page 0
        Assert.Equal(length % 4 != 0, rig.Log.Contains("list of pages", StringComparison.Ordinal));
    }

    [Fact]
    public void Hostile_33_a_list_without_end_is_cut()
    {
        using var rig = new BalloonRig();
        // 60 MiB of page numbers, all different from their neighbours by two: each a run of its own.
        Span<byte> all = rig.Ram.Bytes(2 << 20, 60 << 20);
        for (int i = 0; i < all.Length; i += 4) BitConverter.TryWriteBytes(all[i..], (uint)(i / 2 % 0x4000));
        rig.Inflate.Call(DriverBuffer.Readable(2 << 20, 60 << 20));
        Assert.InRange(rig.Pages.Released.Length, 1, MaxPages);
        Assert.Contains($"{MaxPages} of its pages", rig.Log);
    }

    [Fact]
    public void Hostile_33_everything_can_be_handed_over()
    {
        using var rig = new BalloonRig();
        uint[] pages = new uint[256];
        for (uint first = 0; first < 64 << 8; first += 256)
        {
            for (uint i = 0; i < 256; i++) pages[i] = first + 255 - i;
            rig.Move(rig.Inflate, pages);
        }

        Assert.Equal(64ul << 20, rig.Pages.Released.Aggregate(0ul, (sum, range) => sum + range.Length));
        Assert.Equal(64, rig.Pages.Released.Length);
    }

    [Fact]
    public void Hostile_33_a_claim_to_hold_more_than_there_is_stays_a_number()
    {
        using var rig = new BalloonRig();
        rig.Harness.Device.WriteConfig(4, BitConverter.GetBytes(uint.MaxValue));
        Assert.Equal((ulong)uint.MaxValue << 12, rig.Balloon.Actual);
    }

    [Fact]
    public void Hostile_33_ranges_that_are_not_whole_pages_are_the_hosts_to_round()
    {
        using var rig = new BalloonRig();
        rig.Reporting.Call(DriverBuffer.Writable(0x80_0001, 10), DriverBuffer.Writable(0x3ff_ffff, 1));
        Assert.Equal([(0x80_0001ul, 10ul), (0x3ff_fffful, 1ul)], rig.Pages.Released);
        rig.Reporting.Call(DriverBuffer.Readable(0x80_0000, 4096));   // nothing is reported
        Assert.Equal(2, rig.Pages.Released.Length);
    }
}
