using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Queues;

/// <summary>What a hostile driver does to a ring, by the numbers of the list of hostile cases.</summary>
public sealed unsafe class HostileRingTests : IDisposable
{
    private const DescriptorFlags Next = DescriptorFlags.Next, Write = DescriptorFlags.Write, Indirect = DescriptorFlags.Indirect;
    private const ulong Hole = 0xc000_0000;      // 3 GiB: no RAM up to 4 GiB

    private readonly QueueRig _rig = new(ram: new GuestMemoryMock(
        new MockRegion(0, 1 << 20), new MockRegion(0xbff0_0000, 1 << 20), new MockRegion(0x1_0000_0000, 1 << 20)));
    private readonly ulong _buffer;

    public HostileRingTests() => _buffer = _rig.Ram.Allocate(4096);

    public void Dispose() => _rig.Dispose();

    private DriverQueue Driver => _rig.Driver;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(7, 3)]
    public void Hostile_01_a_chain_that_loops_ends(int last, ushort back)
    {
        for (ushort i = 0; i <= last; i++) Driver.SetDescriptor(i, _buffer, 4, Next, i == last ? back : (ushort)(i + 1));
        Driver.SetAvailable(0);
        _rig.IsBroken("loops");
    }

    [Fact]
    public void Hostile_02_a_chain_of_one_more_than_the_queue_is_refused()
    {
        for (int i = 0; i < Driver.Size; i++) Driver.SetDescriptor(i, _buffer, 4, Next, (ushort)((i + 1) % Driver.Size));
        Driver.SetAvailable(5);
        _rig.IsBroken("longer than the queue");
    }

    [Fact]
    public void Hostile_02_an_indirect_chain_of_one_more_than_the_queue_is_refused()
    {
        var buffers = new DriverBuffer[Driver.Size + 1];
        Array.Fill(buffers, DriverBuffer.Writable(_buffer, 4));
        Driver.AddIndirect(buffers);
        Driver.Kick();
        _rig.IsBroken("longer than the queue");
    }

    [Theory]
    [InlineData(16)]
    [InlineData(0xffff)]
    public void Hostile_03_a_next_outside_the_table_is_refused(ushort next)
    {
        Driver.SetDescriptor(0, _buffer, 4, Next, next);
        Driver.SetAvailable(0);
        _rig.IsBroken($"a next index of {next} in a table of 16");
    }

    [Theory]
    [InlineData(16)]
    [InlineData(0xffff)]
    public void Hostile_04_a_head_outside_the_table_is_refused(ushort head)
    {
        Driver.SetAvailable(head);
        _rig.IsBroken($"head {head} is outside");
    }

    [Theory]
    [InlineData(ulong.MaxValue, 1u)]
    [InlineData(ulong.MaxValue - 15, 16u)]
    [InlineData(ulong.MaxValue - 15, 17u)]
    [InlineData(0xffff_ffff_0000_0000, uint.MaxValue)]
    public void Hostile_05_an_address_that_wraps_is_refused(ulong address, uint length)
    {
        Driver.SetDescriptor(0, address, length, Write, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("not RAM");
    }

    [Theory]
    [InlineData((1ul << 20) - 1, 2u)]                // past the end of the first region
    [InlineData(Hole - 1, 2u)]                       // into the hole below 4 GiB
    [InlineData(Hole, 1u)]                           // in it, where BARs are
    [InlineData(0xffff_ffff, 2u)]                    // out of it
    [InlineData(Hole - 16, 0x4000_0020u)]            // over it, RAM on both sides
    [InlineData(0x1_0010_0000 - 1, 2u)]              // past the end of RAM
    public void Hostile_06_a_buffer_that_is_not_all_RAM_is_refused(ulong address, uint length)
    {
        Driver.SetDescriptor(0, address, length, Write, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("not RAM");
    }

    [Fact]
    public void Hostile_07_lengths_that_sum_up_beyond_32_bits_are_refused()
    {
        using var rig = new QueueRig(ram: new GuestMemoryMock(new MockRegion(0ul, 1u << 20), new MockRegion(0x1_0000_0000, 8ul << 30)));
        rig.Driver.SetDescriptor(0, 0x1_0000_0000, 0x8000_0000, Next, 1);
        rig.Driver.SetDescriptor(1, 0x1_0000_0000, 0x7fff_ffff, Write, 0);
        rig.Driver.SetAvailable(0);
        Assert.Equal(0x8000_0000u, rig.Pop().ReadableBytes);
        rig.Driver.SetDescriptor(2, 0x1_0000_0000, 0x8000_0000, Next, 3);
        rig.Driver.SetDescriptor(3, 0x1_0000_0000, 0x8000_0000, Write, 0);
        rig.Driver.SetAvailable(2);
        rig.IsBroken("2^32 - 1 bytes");
    }

    [Theory]
    [InlineData(DescriptorFlags.None)]
    [InlineData(DescriptorFlags.Write)]
    public void Hostile_08_a_buffer_of_length_0_is_no_segment_and_its_address_is_not_looked_at(DescriptorFlags role)
    {
        Driver.SetDescriptor(0, ulong.MaxValue, 0, role, 0);
        Driver.SetAvailable(0);
        Assert.Equal(default, _rig.Pop());
    }

    [Theory]
    [InlineData(DescriptorFlags.None)]
    [InlineData(DescriptorFlags.Write)]
    public void Hostile_08_a_buffer_of_length_4_GiB_is_refused_where_there_is_not_that_much_RAM(DescriptorFlags role)
    {
        Driver.SetDescriptor(0, 0, uint.MaxValue, role, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("not RAM");
    }

    [Fact]
    public void Hostile_08_an_indirect_table_of_length_4_GiB_is_refused()
    {
        Driver.SetDescriptor(0, 0, uint.MaxValue, Indirect, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("an indirect table of 4294967295 bytes");
    }

    [Fact]
    public void Hostile_09_an_indirect_table_in_an_indirect_table_is_refused()
    {
        _rig.Ram.Write(_buffer, _buffer);
        _rig.Ram.Write(_buffer + 8, 16u | (ulong)Indirect << 32);
        Driver.SetDescriptor(0, _buffer, 16, Indirect, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("inside an indirect table");
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(15u)]
    [InlineData(17u)]
    [InlineData(16u * 32_769)]
    public void Hostile_09_an_indirect_table_of_a_wrong_length_is_refused(uint length)
    {
        Driver.SetDescriptor(0, _buffer, length, Indirect, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken($"an indirect table of {length} bytes");
    }

    [Theory]
    [InlineData(Hole)]
    [InlineData(Hole - 16)]
    [InlineData(ulong.MaxValue - 15)]
    public void Hostile_09_an_indirect_table_that_is_not_all_RAM_is_refused(ulong table)
    {
        Driver.SetDescriptor(0, table, 32, Indirect, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("outside RAM");
    }

    [Fact]
    public void Hostile_09_indirect_with_next_is_refused()
    {
        Driver.SetDescriptor(0, _buffer, 16, Indirect | Next, 1);
        Driver.SetAvailable(0);
        _rig.IsBroken("both INDIRECT and NEXT");
    }

    [Fact]
    public void Hostile_09_indirect_without_the_feature_is_refused()
    {
        using var rig = new QueueRig(features: 0);
        rig.Driver.AddIndirect(DriverBuffer.Writable(rig.Ram.Allocate(16), 16));
        rig.Driver.Kick();
        rig.IsBroken("without INDIRECT_DESC");
    }

    [Fact]
    public void Hostile_09_a_loop_and_a_next_outside_inside_an_indirect_table_are_refused()
    {
        foreach (ulong next in new ulong[] { 0, 2 })
        {
            using var rig = new QueueRig();
            ulong table = rig.Ram.Allocate(32);
            for (int i = 0; i < 2; i++)
            {
                rig.Ram.Write(table + 16 * (ulong)i, table);
                rig.Ram.Write(table + 16 * (ulong)i + 8, 4 | (ulong)Next << 32 | (i == 0 ? 1 : next) << 48);
            }

            rig.Driver.SetDescriptor(0, table, 32, Indirect, 0);
            rig.Driver.SetAvailable(0);
            rig.IsBroken(next == 0 ? "loops" : "a next index of 2 in a table of 2");
        }
    }

    [Theory]
    [InlineData(17)]
    [InlineData(32_768)]
    [InlineData(65_535)]
    public void Hostile_10_an_available_index_that_jumps_or_goes_back_is_refused(int jump)
    {
        Driver.Add(DriverBuffer.Writable(_buffer, 4));
        Driver.Kick();
        _rig.Pop();
        Driver.SetAvailIndex((ushort)(1 + jump));
        Assert.True(_rig.Device.EnableDoorbell());   // something is there; TryPop says what
        _rig.IsBroken("ahead of 1");
    }

    [Fact]
    public void Hostile_11_a_head_that_is_in_flight_is_refused_and_may_come_again_after_it_was_given_back()
    {
        Driver.SetDescriptor(3, _buffer, 4, Write, 0);
        for (int i = 0; i < 40; i++)
        {
            Driver.SetAvailable(3);
            _rig.Device.AddUsed(_rig.Pop().Head, 4);
            _rig.Device.Publish();
        }

        Driver.SetAvailable(3);
        Driver.SetAvailable(3);
        _rig.Pop();
        _rig.IsBroken("head 3 was made available while it is in flight");
    }

    [Fact]
    public void Hostile_12_what_is_checked_is_what_is_used_while_another_cpu_flips_it()
    {
        // One thread writes good and bad descriptors in turn while the device pops. A guest writes address and length at different
        // moments, so any mix of them may be read; whatever was read, the segments are RAM and agree with the lengths told.
        bool stop = false;
        var flipper = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                Driver.SetDescriptor(0, _buffer, 2048, Write, 0);
                Driver.SetDescriptor(0, Hole - 8, 4096, Next, 0);
                Driver.SetDescriptor(0, Hole - 8, 8, DescriptorFlags.None, 0);
            }
        });
        flipper.Start();
        int popped = 0, refused = 0;
        try
        {
            ushort avail = 0;
            for (int round = 0; round < 2_000_000 && (round < 100_000 || popped == 0 || refused == 0); round++)
            {
                SplitVirtqueue device = Driver.CreateDeviceSide(_rig, new QueueState(avail, 0));
                Driver.SetAvailEntry(avail, 0);
                Driver.SetAvailIndex(++avail);
                if (device.TryPop(_rig.Segments, out DescriptorChain chain) == PopStatus.Broken)
                {
                    refused++;
                    continue;
                }

                popped++;
                ulong readable = 0, writable = 0;
                for (int i = 0; i < chain.Readable + chain.Writable; i++)
                {
                    Assert.True(IsRam(_rig.Segments[i]));
                    if (i < chain.Readable) readable += _rig.Segments[i].Length;
                    else writable += _rig.Segments[i].Length;
                }

                Assert.Equal((readable, writable), (chain.ReadableBytes, chain.WritableBytes));
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            flipper.Join();   // before the memory goes
        }

        Assert.True(popped > 0 && refused > 0, $"the flipper never met the device: {popped} popped, {refused} refused");
    }

    [Fact]
    public void Hostile_13_rings_that_overlap_each_other_or_a_buffer_do_no_harm()
    {
        using var ram = new GuestMemoryMock(new MockRegion(0ul, 1u << 16));
        foreach ((ulong descriptors, ulong avail, ulong used) in new[]
        {
            (0x1000ul, 0x1000ul, 0x1000ul), (0x1000ul, 0x1100ul, 0x1100ul), (0x1000ul, 0x1002ul, 0x1004ul), (0x1000ul, 0x2000ul, 0x1000ul),
        })
        {
            var random = new Random(13);
            for (int round = 0; round < 200; round++)
            {
                random.NextBytes(ram.Bytes(0x1000, 0x2000));
                ram.Write(0x1000, 0x1000ul);           // the first descriptor names the ring itself
                ram.Write(0x1008, 0x200u | (ulong)Write << 32);
                ram.Write(avail + 2, (ushort)1);
                Assert.True(SplitVirtqueue.TryCreate(ram.Memory, 16, descriptors, avail, used, QueueRig.EventIdx, default, _rig,
                    out SplitVirtqueue? queue, out _));
                for (int i = 0; i < 100 && queue.TryPop(_rig.Segments, out DescriptorChain chain) == PopStatus.Popped; i++)
                {
                    for (int s = chain.Readable; s < chain.Readable + chain.Writable; s++) _rig.Segments[s].Bytes.Fill(0xff);
                    queue.AddUsed(chain.Head, chain.WritableBytes);
                    queue.Publish();
                    queue.EnableDoorbell();
                }
            }
        }
    }

    [Fact]
    public void Hostile_14_a_guest_that_overwrites_the_used_ring_confuses_only_itself()
    {
        for (int i = 0; i < 100; i++)
        {
            ushort head = Driver.Add(DriverBuffer.Writable(_buffer, 4));
            Driver.Kick();
            _rig.Ram.Bytes(Driver.UsedRing, 6 + 8 * Driver.Size).Fill(0xff);
            Assert.Equal(head, _rig.Pop().Head);
            _rig.Device.AddUsed(head, 4);
            _rig.Device.Publish();
            Assert.Equal(i + 1, Driver.UsedIndex);   // ours, not the guest's 0xffff + 1
            Assert.True(Driver.TryCollect(out _));
        }

        Assert.Empty(_rig.Faults);
    }

    [Fact]
    public void Hostile_22_a_packed_ring_is_not_offered_and_a_driver_that_took_it_anyway_gets_no_queue()
    {
        ulong packed = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_RING_PACKED);
        Assert.False(SplitVirtqueue.TryCreate(_rig.Memory, 16, 0x1000, 0x2000, 0x3000, packed, default, _rig, out _, out string? error));
        Assert.Contains("RING_PACKED", error);
    }

    [Fact]
    public void A_readable_buffer_after_a_writable_one_is_refused()
    {
        Driver.SetDescriptor(0, _buffer, 4, Write | Next, 1);
        Driver.SetDescriptor(1, _buffer, 4, 0, 0);
        Driver.SetAvailable(0);
        _rig.IsBroken("readable buffer after");
    }

    [Fact]
    public void Random_rings_never_throw_and_never_give_a_segment_outside_RAM()
    {
        var random = new Random(1);
        Span<byte> ring = _rig.Ram.Bytes(Driver.DescriptorTable, 16 * Driver.Size);
        for (int round = 0; round < 50_000; round++)
        {
            random.NextBytes(ring);
            for (int i = 0; i < Driver.Size; i++)
            {
                if (random.Next(4) != 0)
                {
                    Driver.SetDescriptor(i, (ulong)random.Next(1 << 21), (uint)random.Next(8192),
                        (DescriptorFlags)random.Next(8), (ushort)random.Next(18));
                }
            }

            SplitVirtqueue device = Driver.CreateDeviceSide(_rig, new QueueState((ushort)round, 0));
            Driver.SetAvailEntry(round, (ushort)random.Next(17));
            Driver.SetAvailIndex((ushort)(round + 1));
            if (device.TryPop(_rig.Segments, out DescriptorChain chain) != PopStatus.Popped) continue;
            for (int i = 0; i < chain.Readable + chain.Writable; i++) Assert.True(IsRam(_rig.Segments[i]));
        }
    }

    private bool IsRam(IoSegment segment)
    {
        foreach (var region in _rig.Memory.Regions)
        {
            nint offset = (nint)segment.Address - region.HostAddress;
            if (offset >= 0 && (nuint)offset + segment.Length <= region.Length) return true;
        }

        return false;
    }
}
