using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.Queues;

public sealed unsafe class SplitVirtqueueTests : IDisposable
{
    private readonly QueueRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_chain_comes_with_its_readable_segments_first()
    {
        ulong buffer = _rig.Ram.Allocate(4096);
        ushort head = _rig.Driver.Add(
            DriverBuffer.Readable(buffer, 16), DriverBuffer.Readable(buffer + 100, 200),
            DriverBuffer.Writable(buffer + 512, 512), DriverBuffer.Writable(buffer + 2000, 1));
        _rig.Driver.Kick();
        Assert.Equal(new DescriptorChain(head, 2, 2, 216, 513), _rig.Pop());
        Assert.True(_rig.Segments[1].Address == _rig.Ram.Pointer(buffer + 100, 1));
        Assert.Equal(200u, _rig.Segments[1].Length);
        Assert.True(_rig.Segments[2].Address == _rig.Ram.Pointer(buffer + 512, 1));
        Assert.Equal(1, _rig.Segments[3].Bytes.Length);
        Assert.Equal(PopStatus.Empty, _rig.Pop(out _));
        Assert.Equal(1, _rig.Device.InFlight);
    }

    [Fact]
    public void An_indirect_table_gives_the_same_chain_and_its_write_flag_means_nothing()
    {
        ulong buffer = _rig.Ram.Allocate(4096);
        ushort head = _rig.Driver.AddIndirect(DriverBuffer.Readable(buffer, 16), DriverBuffer.Writable(buffer + 16, 32));
        _rig.Driver.Kick();
        Assert.Equal(new DescriptorChain(head, 1, 1, 16, 32), _rig.Pop());

        ulong table = _rig.Ram.Allocate(16);
        _rig.Ram.Write(table, buffer);
        _rig.Ram.Write(table + 8, 24ul);
        _rig.Driver.SetDescriptor(5, buffer, 8, DescriptorFlags.Next, 6);
        _rig.Driver.SetDescriptor(6, table, 16, DescriptorFlags.Indirect | DescriptorFlags.Write, 0);
        _rig.Driver.SetAvailable(5);
        Assert.Equal(new DescriptorChain(5, 2, 0, 32, 0), _rig.Pop());   // direct ones first, then the table
    }

    [Fact]
    public void A_chain_of_the_whole_queue_is_fine_direct_and_indirect()
    {
        ulong buffer = _rig.Ram.Allocate(4096);
        var all = new DriverBuffer[16];
        Array.Fill(all, DriverBuffer.Writable(buffer, 8));
        ushort head = _rig.Driver.Add(all);
        _rig.Driver.Kick();
        Assert.Equal(16, _rig.Pop().Writable);
        _rig.Device.AddUsed(head, 128);
        _rig.Device.Publish();
        Assert.True(_rig.Driver.TryCollect(out UsedChain used));
        Assert.Equal(new UsedChain(head, 128), used);
        _rig.Driver.AddIndirect(all);
        _rig.Driver.Kick();
        Assert.Equal(16, _rig.Pop().Writable);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(QueueRig.EventIdx)]
    public void Indices_wrap_and_chains_come_back_in_any_order(ulong features)
    {
        using var rig = new QueueRig(8, features);
        ulong buffer = rig.Ram.Allocate(64);
        for (int i = 0; i < 70_000; i += 2)
        {
            ushort first = rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
            ushort second = rig.Driver.Add(DriverBuffer.Readable(buffer, 8), DriverBuffer.Writable(buffer, 8));
            Assert.Equal(PopStatus.Empty, rig.Pop(out _));
            rig.Driver.Kick();
            Assert.Equal(first, rig.Pop().Head);
            Assert.Equal(second, rig.Pop().Head);
            rig.Device.AddUsed(second, 2);
            rig.Device.AddUsed(first, 1);
            Assert.False(rig.Driver.TryCollect(out _));
            rig.Device.Publish();
            Assert.True(rig.Driver.TryCollect(out UsedChain used));
            Assert.Equal(new UsedChain(second, 2), used);
            Assert.True(rig.Driver.TryCollect(out used));
            Assert.Equal(new UsedChain(first, 1), used);
        }

        Assert.Equal(new QueueState(unchecked((ushort)70_000), unchecked((ushort)70_000)), rig.Device.State);
        Assert.Empty(rig.Faults);
    }

    [Fact]
    public void Without_event_index_the_flags_suppress_doorbells_and_interrupts()
    {
        using var rig = new QueueRig(8, 0);
        ulong buffer = rig.Ram.Allocate(64);
        Assert.False(rig.Device.EnableDoorbell());
        rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.True(rig.Driver.Kick());
        rig.Device.DisableDoorbell();
        rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.False(rig.Driver.Kick());
        Assert.True(rig.Device.EnableDoorbell());   // there is something to take: look again
        rig.Device.AddUsed(rig.Pop().Head, 0);
        rig.Device.AddUsed(rig.Pop().Head, 0);
        Assert.False(rig.Device.EnableDoorbell());

        rig.Driver.DisableInterrupts();
        Assert.False(rig.Device.Publish());
        Assert.True(rig.Driver.EnableInterrupts());
        rig.Driver.TryCollect(out _);
        rig.Driver.TryCollect(out _);
        rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.True(rig.Driver.Kick());
        rig.Device.AddUsed(rig.Pop().Head, 0);
        Assert.True(rig.Device.Publish());
        Assert.False(rig.Device.Publish());   // nothing new
    }

    [Fact]
    public void Who_goes_on_with_a_ring_asks_for_doorbells_again_that_its_predecessor_did_not_want()
    {
        using var rig = new QueueRig(8, 0);
        ulong buffer = rig.Ram.Allocate(64);
        rig.Device.DisableDoorbell();

        SplitVirtqueue successor = rig.Driver.CreateDeviceSide(rig, rig.Device.State);
        Assert.False(successor.EnableDoorbell());
        rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.True(rig.Driver.Kick());
    }

    [Fact]
    public void With_event_index_one_doorbell_and_one_interrupt_serve_many_chains()
    {
        ulong buffer = _rig.Ram.Allocate(64);
        Assert.False(_rig.Device.EnableDoorbell());
        _rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.True(_rig.Driver.Kick());
        for (int i = 0; i < 5; i++)
        {
            _rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
            Assert.False(_rig.Driver.Kick());   // the device has not asked again
        }

        _rig.Driver.SetUsedEvent(3);            // "when the fourth is used"
        var heads = new Queue<ushort>();
        while (_rig.Pop(out DescriptorChain chain) == PopStatus.Popped) heads.Enqueue(chain.Head);
        Assert.Equal(6, heads.Count);
        for (int i = 0; i < 3; i++) _rig.Device.AddUsed(heads.Dequeue(), 0);
        Assert.False(_rig.Device.Publish());
        for (int i = 0; i < 3; i++) _rig.Device.AddUsed(heads.Dequeue(), 0);
        Assert.True(_rig.Device.Publish());
        Assert.False(_rig.Device.EnableDoorbell());
        while (_rig.Driver.TryCollect(out _)) { }
        _rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        Assert.True(_rig.Driver.Kick());
    }

    [Fact]
    public void Event_indices_hold_across_the_wrap_of_the_index()
    {
        using var rig = new QueueRig(4, QueueRig.EventIdx);
        ulong buffer = rig.Ram.Allocate(64);
        for (int i = 0; i < 66_000; i++)
        {
            Assert.False(rig.Driver.EnableInterrupts());
            Assert.False(rig.Device.EnableDoorbell());
            rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
            Assert.True(rig.Driver.Kick());
            rig.Device.AddUsed(rig.Pop().Head, 0);
            Assert.True(rig.Device.Publish());
            Assert.True(rig.Driver.TryCollect(out _));
        }
    }

    [Fact]
    public void A_new_device_side_goes_on_where_the_old_one_stood()
    {
        ulong buffer = _rig.Ram.Allocate(64);
        for (int i = 0; i < 3; i++) _rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
        _rig.Driver.Kick();
        ushort first = _rig.Pop().Head;
        _rig.Device.AddUsed(first, 8);
        _rig.Device.Publish();
        Assert.Equal(new QueueState(1, 1), _rig.Device.State);

        SplitVirtqueue next = _rig.Driver.CreateDeviceSide(_rig, _rig.Device.State);
        Assert.Equal(PopStatus.Popped, next.TryPop(_rig.Segments, out DescriptorChain chain));
        Assert.NotEqual(first, chain.Head);
        next.AddUsed(chain.Head, 4);
        next.Publish();
        Assert.Equal(2, _rig.Driver.UsedIndex);
    }

    [Fact]
    public void A_buffer_over_two_adjacent_regions_is_cut_at_the_border()
    {
        using var ram = new GuestMemoryMock(new MockRegion(0ul, 1u << 20), new MockRegion(1ul << 20, 1u << 20));
        using var rig = new QueueRig(ram: ram);
        rig.Driver.Add(DriverBuffer.Readable((1 << 20) - 100, 300), DriverBuffer.Writable((1 << 20) - 1, 2));
        rig.Driver.Kick();
        Assert.Equal(new DescriptorChain(0, 2, 2, 300, 2), rig.Pop());
        Assert.Equal([100u, 200u, 1u, 1u], rig.Segments[..4].Select(s => s.Length));
        Assert.True(rig.Segments[1].Address == ram.Pointer(1 << 20, 1));
    }

    [Fact]
    public void A_huge_buffer_is_cut_so_that_every_segment_has_a_span()
    {
        using var ram = new GuestMemoryMock(new MockRegion(0ul, 1u << 20), new MockRegion(0x1_0000_0000, 8ul << 30));
        using var rig = new QueueRig(ram: ram);
        rig.Driver.Add(DriverBuffer.Writable(0x1_0000_0000, uint.MaxValue));
        rig.Driver.Kick();
        Assert.Equal(new DescriptorChain(0, 0, 4, 0, uint.MaxValue), rig.Pop());
        Assert.All(rig.Segments[..4], segment => Assert.True(segment.Bytes.Length > 0));
        Assert.Equal(uint.MaxValue, rig.Segments[..4].Sum(segment => (long)segment.Length));
    }

    [Fact]
    public void Giving_back_a_chain_that_is_not_in_flight_is_the_devices_bug_and_throws()
    {
        Assert.Throws<InvalidOperationException>(() => _rig.Device.AddUsed(3, 0));
        Assert.Throws<InvalidOperationException>(() => _rig.Device.AddUsed(400, 0));
        _rig.Driver.Add(DriverBuffer.Writable(_rig.Ram.Allocate(8), 8));
        _rig.Driver.Kick();
        ushort head = _rig.Pop().Head;
        _rig.Device.AddUsed(head, 0);
        Assert.Throws<InvalidOperationException>(() => _rig.Device.AddUsed(head, 0));
        Assert.Throws<ArgumentException>(() => _rig.Device.TryPop(new IoSegment[_rig.Device.MaxSegments - 1], out _));
    }

    [Theory]
    [InlineData(0, 0x1000, 0x2000, 0x3000, 0ul, "queue size 0")]
    [InlineData(3, 0x1000, 0x2000, 0x3000, 0ul, "queue size 3")]
    [InlineData(65536, 0x1000, 0x2000, 0x3000, 0ul, "queue size 65536")]
    [InlineData(-16, 0x1000, 0x2000, 0x3000, 0ul, "queue size -16")]
    [InlineData(16, 0x1008, 0x2000, 0x3000, 0ul, "misaligned")]
    [InlineData(16, 0x1000, 0x2001, 0x3000, 0ul, "misaligned")]
    [InlineData(16, 0x1000, 0x2000, 0x3002, 0ul, "misaligned")]
    [InlineData(16, 0x7000_0000, 0x2000, 0x3000, 0ul, "descriptor table at 0x70000000")]
    [InlineData(16, 0x1000, 0x7000_0000, 0x3000, 0ul, "available ring at 0x70000000")]
    [InlineData(16, 0x1000, 0x2000, 0xfffc, 0ul, "used ring at 0xfffc")]
    [InlineData(16, -16, 0x2000, 0x3000, 0ul, "descriptor table")]
    public void Hostile_15_a_ring_that_cannot_be_is_refused_with_the_reason(
        int size, long descriptors, long avail, long used, ulong features, string reason)
    {
        using var ram = new GuestMemoryMock(new MockRegion(0ul, 1u << 16));
        Assert.False(SplitVirtqueue.TryCreate(ram.Memory, size, (ulong)descriptors, (ulong)avail, (ulong)used, features, default, _rig,
            out SplitVirtqueue? queue, out string? error));
        Assert.Null(queue);
        Assert.Contains(reason, error);
    }

    [Fact]
    public void Chains_that_are_put_back_come_again_in_the_same_order()
    {
        ulong buffer = _rig.Ram.Allocate(64);
        var heads = new ushort[6];
        for (int i = 0; i < heads.Length; i++) heads[i] = _rig.Driver.Add(DriverBuffer.Writable(buffer, (uint)i + 1));
        _rig.Driver.Kick();
        for (int i = 0; i < heads.Length; i++) Assert.Equal(heads[i], _rig.Pop().Head);
        _rig.Device.AddUsed(heads[0], 1);
        _rig.Device.AddUsed(heads[1], 1);
        for (int i = 5; i > 1; i--) _rig.Device.PutBack(heads[i]);
        Assert.Equal(0, _rig.Device.InFlight);
        _rig.Device.Publish();
        Assert.Equal(new QueueState(2, 2), _rig.Device.State);
        for (int i = 2; i < heads.Length; i++) Assert.Equal(new DescriptorChain(heads[i], 0, 1, 0, (uint)i + 1), _rig.Pop());
        Assert.Equal(PopStatus.Empty, _rig.Pop(out _));
        Assert.Throws<InvalidOperationException>(() => _rig.Device.PutBack(heads[0]));
    }

    [Fact]
    public void Chains_can_be_put_back_across_the_wrap_of_the_index()
    {
        using var rig = new QueueRig(ram: _rig.Ram, state: new QueueState(0xfffe, 0xfffe));
        ulong buffer = rig.Ram.Allocate(64);
        for (int i = 0; i < 4; i++)
        {
            rig.Driver.SetDescriptor(i, buffer, 8, DescriptorFlags.Write, 0);
            rig.Driver.SetAvailEntry((ushort)(0xfffe + i), (ushort)i);
        }

        rig.Driver.SetAvailIndex(2);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 4; i++) Assert.Equal(i, rig.Pop().Head);
            for (int i = 3; i >= 0; i--) rig.Device.PutBack((ushort)i);
        }

        Assert.Equal(new QueueState(0xfffe, 0xfffe), rig.Device.State);
    }

    [Fact]
    public void A_chain_that_was_put_back_is_checked_anew()
    {
        ushort head = _rig.Driver.Add(DriverBuffer.Writable(_rig.Ram.Allocate(8), 8));
        _rig.Driver.Kick();
        _rig.Pop();
        _rig.Device.PutBack(head);
        _rig.Driver.SetDescriptor(head, ulong.MaxValue - 3, 8, DescriptorFlags.Write, 0);
        _rig.IsBroken("not RAM");
    }

    [Fact]
    public void The_smallest_and_the_largest_queue_work()
    {
        foreach (int size in new[] { 1, SplitVirtqueue.MaxSize })
        {
            using var rig = new QueueRig(size);
            ulong buffer = rig.Ram.Allocate(8);
            for (int i = 0; i < size; i++) rig.Driver.Add(DriverBuffer.Writable(buffer, 8));
            rig.Driver.Kick();
            for (int i = 0; i < size; i++) rig.Pop();
            Assert.Equal(PopStatus.Empty, rig.Pop(out _));
            Assert.Equal(size, rig.Device.InFlight);
        }
    }
}
