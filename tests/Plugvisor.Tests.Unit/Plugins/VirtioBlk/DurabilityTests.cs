using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

public sealed class DurabilityTests
{
    private const int Wce = 11, FlushBit = 9, WritebackOffset = 32;

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void A_storm_of_flushes_is_answered_as_a_whole(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        var pending = new List<DriverBuffer>();
        for (int round = 0; round < 20; round++)
        {
            pending.Clear();
            for (int i = 0; i < 64; i++)
            {
                pending.Add(rig.Status());
                rig.Queue.Driver.Add(rig.Header(DiskRig.Flush, 0), pending[^1]);
            }

            rig.Queue.Kick();
            for (int i = 0; i < 64; i++) rig.Queue.Collect();
            Assert.All(pending, status => Assert.Equal(DiskRig.Ok, rig.Bytes(status)[0]));
        }
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Flushes_between_writes_all_answer(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        for (int i = 0; i < 200; i++)
        {
            byte[] fresh = new byte[512];
            Array.Fill(fresh, (byte)i);
            rig.Queue.Driver.Add(rig.Header(DiskRig.Out, (ulong)i), rig.Data(fresh), rig.Status());
            rig.Queue.Driver.Add(rig.Header(DiskRig.Flush, 0), rig.Status());
            rig.Queue.Kick();
            rig.Queue.Collect();
            rig.Queue.Collect();
        }

        byte[] file = rig.File();
        for (int i = 0; i < 200; i++) Assert.Equal((byte)i, file[i * 512]);
    }

    [Fact]
    public void The_cache_is_writeback_at_first_and_the_driver_may_change_it()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        Assert.Equal(1ul, rig.Config(WritebackOffset, 1));
        rig.Device.WriteConfig(WritebackOffset, [0]);
        Assert.Equal(0ul, rig.Config(WritebackOffset, 1));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, 8, rig.Data(new byte[512])));
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((64, 8, 0))));
        rig.Device.WriteConfig(WritebackOffset, [7]);
        Assert.Equal(1ul, rig.Config(WritebackOffset, 1));
        rig.Device.WriteConfig(WritebackOffset, [0]);
        rig.Harness.Reset();
        Assert.Equal(1ul, rig.Config(WritebackOffset, 1));
    }

    [Fact]
    public void Nothing_else_in_config_space_can_be_written()
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start();
        byte[] before = new byte[60], after = new byte[60];
        rig.Device.ReadConfig(0, before);
        byte[] ones = new byte[60];
        Array.Fill(ones, (byte)0xff);
        rig.Device.WriteConfig(0, ones);
        rig.Device.ReadConfig(0, after);
        Assert.Equal(before, after);
    }

    [Theory]
    [InlineData(1ul << Wce, 1ul)]
    [InlineData((1ul << Wce) | (1ul << FlushBit), 0ul)]
    public void Without_the_cache_mode_feature_the_flush_feature_decides(ulong without, ulong expected)
    {
        using var rig = new DiskRig("io_uring");
        rig.Harness.Start(without);
        Assert.Equal(expected, rig.Config(WritebackOffset, 1));
        rig.Device.WriteConfig(WritebackOffset, [(byte)(1 - expected)]);
        Assert.Equal(expected, rig.Config(WritebackOffset, 1));
    }

    [Theory]
    [MemberData(nameof(DiskRig.Engines), MemberType = typeof(DiskRig))]
    public void Switching_to_writethrough_under_load_loses_nothing(string engine)
    {
        using var rig = new DiskRig(engine);
        rig.Harness.Start();
        for (int i = 0; i < 100; i++)
        {
            rig.Device.WriteConfig(WritebackOffset, [(byte)(i & 1)]);
            Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, (ulong)i, rig.Data(Enumerable.Repeat((byte)i, 512).ToArray())));
        }

        rig.Harness.Stop();
        rig.Harness.Resume();
        Assert.Equal(Enumerable.Repeat((byte)99, 512), rig.Read(99, 512));
    }
}
