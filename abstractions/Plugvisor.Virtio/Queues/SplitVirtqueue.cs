using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Virtio.Queues;

/// <summary>
/// The device's side of a split virtqueue (virtio 1.2 section 2.7). The driver is trusted with nothing: each word is read
/// once and checked, indices are 16-bit and wrap, and the first malformed thing latches the queue. Nothing is allocated
/// after <see cref="TryCreate"/>, except the text of that one fault.
/// Little-endian hosts only, as the ring's fields are used as they stand.
/// </summary>
public sealed unsafe class SplitVirtqueue : Virtqueue
{
    /// <summary>The largest queue (section 2.7).</summary>
    public const int MaxSize = 32768;

    // Flags of a descriptor (section 2.7.5) and of the two rings (2.7.6 and 2.7.8).
    private const int VIRTQ_DESC_F_NEXT = 1;
    private const int VIRTQ_DESC_F_WRITE = 2;
    private const int VIRTQ_DESC_F_INDIRECT = 4;
    private const ushort VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
    private const ushort VIRTQ_USED_F_NO_NOTIFY = 1;
    private const int DescriptorSize = 16;

    /// <summary>A segment is never longer, so that its length fits every signed count that it may be passed to.</summary>
    private const uint MaxSegmentLength = 1u << 30;

    /// <summary>
    /// Segments beyond the queue's size: for buffers cut at region borders or at <see cref="MaxSegmentLength"/>.
    /// </summary>
    private const int SpareSegments = 32;

    private readonly GuestMemory _memory;
    private readonly IQueueFault _fault;
    private readonly int _size;
    private readonly uint _mask;
    private readonly byte* _descriptors;
    private readonly ushort* _availFlags, _availIndex, _availRing, _usedEvent;
    private readonly ushort* _usedFlags, _usedIndex, _availEvent;
    private readonly byte* _usedRing;
    private readonly bool _indirect, _eventIndex;
    private readonly ulong[] _inFlightHeads;   // one bit a descriptor

    private ushort _nextAvail;        // next available entry to take
    private ushort _seenAvail;        // avail.idx as last read; entries before it are known to be filled in
    private ushort _nextUsed;         // next used entry to fill
    private ushort _publishedUsed;    // used.idx as last written
    private int _inFlight;
    private bool _doorbellOff, _broken;
    private bool _doorbellUnknown = true;   // the one who served the ring before may have left the wish for none behind

    private SplitVirtqueue(
        GuestMemory memory, int size, byte* descriptors, byte* avail, byte* used, ulong features, QueueState state,
        IQueueFault fault)
    {
        _memory = memory;
        _fault = fault;
        _size = size;
        _mask = (uint)size - 1;
        _descriptors = descriptors;

        // SAFETY: TryCreate translated 16 * size, 6 + 2 * size and 6 + 8 * size bytes; the rings are laid out by 2.7.6 and 2.7.8.
        _availFlags = (ushort*)avail;
        _availIndex = (ushort*)(avail + 2);
        _availRing = (ushort*)(avail + 4);
        _usedEvent = (ushort*)(avail + 4 + 2 * size);
        _usedFlags = (ushort*)used;
        _usedIndex = (ushort*)(used + 2);
        _usedRing = used + 4;
        _availEvent = (ushort*)(used + 4 + 8 * size);

        _indirect = VirtioFeatures.Has(features, VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
        _eventIndex = VirtioFeatures.Has(features, VirtioFeatures.VIRTIO_F_EVENT_IDX);
        _inFlightHeads = new ulong[(size + 63) / 64];
        _nextAvail = _seenAvail = state.NextAvail;
        _nextUsed = _publishedUsed = state.NextUsed;
    }

    /// <summary>
    /// Makes the device's side of a ring that the driver has set up. Writes nothing to guest memory.
    /// </summary>
    /// <param name="memory">Guest RAM; the three areas are translated once, here.</param>
    /// <param name="size">Entries; a power of two up to <see cref="MaxSize"/>.</param>
    /// <param name="descriptorTable">Guest address of the descriptor area, 16-byte aligned.</param>
    /// <param name="availRing">Guest address of the driver area, 2-byte aligned.</param>
    /// <param name="usedRing">Guest address of the device area, 4-byte aligned.</param>
    /// <param name="features">The negotiated features; INDIRECT_DESC and EVENT_IDX matter here.</param>
    /// <param name="state">Where to go on; the default for a ring that is new.</param>
    /// <param name="fault">Told once when the driver breaks the ring.</param>
    /// <param name="queue">The queue, when the answer is true.</param>
    /// <param name="error">Why it cannot be used, otherwise. The addresses come from the guest, so this is no exception.</param>
    public static bool TryCreate(
        GuestMemory memory, int size, ulong descriptorTable, ulong availRing, ulong usedRing, ulong features, QueueState state,
        IQueueFault fault, [NotNullWhen(true)] out SplitVirtqueue? queue, [NotNullWhen(false)] out string? error)
    {
        queue = null;
        error = null;
        byte* avail = null, used = null;
        if (size is < 1 or > MaxSize || (size & (size - 1)) != 0)
            error = $"queue size {size} is not a power of two up to {MaxSize}";
        else if (VirtioFeatures.Has(features, VirtioFeatures.VIRTIO_F_RING_PACKED))
            error = "a split ring cannot serve a driver that negotiated RING_PACKED";
        else if ((descriptorTable & 15) != 0 || (availRing & 1) != 0 || (usedRing & 3) != 0)
            error = $"misaligned ring: descriptors 0x{descriptorTable:x}, available 0x{availRing:x}, used 0x{usedRing:x}";
        else if (!memory.TryTranslate(descriptorTable, (nuint)(DescriptorSize * size), out byte* descriptors))
            error = $"descriptor table at 0x{descriptorTable:x} is not in RAM";
        else if (!memory.TryTranslate(availRing, (nuint)(6 + 2 * size), out avail))
            error = $"available ring at 0x{availRing:x} is not in RAM";
        else if (!memory.TryTranslate(usedRing, (nuint)(6 + 8 * size), out used))
            error = $"used ring at 0x{usedRing:x} is not in RAM";
        else
            queue = new SplitVirtqueue(memory, size, descriptors, avail, used, features, state, fault);
        return queue is not null;
    }

    /// <inheritdoc/>
    public override int Size => _size;

    /// <inheritdoc/>
    public override int MaxSegments => _size + SpareSegments;

    /// <inheritdoc/>
    public override QueueState State => new(_nextAvail, _publishedUsed);

    /// <inheritdoc/>
    public override bool HasAvailable => !_broken && Volatile.Read(ref *_availIndex) != _nextAvail;

    /// <inheritdoc/>
    public override int InFlight => _inFlight;

    /// <inheritdoc/>
    public override PopStatus TryPop(Span<IoSegment> segments, out DescriptorChain chain)
    {
        if (segments.Length < MaxSegments) ThrowSegmentsTooShort();
        chain = default;
        if (_broken) return PopStatus.Broken;

        if (_nextAvail == _seenAvail)
        {
            // Acquire: the ring entries and descriptors before this index must be read after it, as the driver wrote them
            // before it (2.7.13.3).
            ushort available = Volatile.Read(ref *_availIndex);
            if (available == _nextAvail) return PopStatus.Empty;
            if ((ushort)(available - _nextAvail) > _size)
                return Malformed("available index {0} is more than the queue's size ahead of {1}", available, _nextAvail);
            _seenAvail = available;
        }

        ushort head = Volatile.Read(ref _availRing[_nextAvail & _mask]);
        if (head >= _size) return Malformed("available head {0} is outside the queue of {1}", head, (uint)_size);
        if ((_inFlightHeads[head >> 6] >> (head & 63) & 1) != 0)
            return Malformed("head {0} was made available while it is in flight", head);

        PopStatus status = Walk(head, segments, out chain);
        if (status != PopStatus.Popped) return status;

        _inFlightHeads[head >> 6] |= 1UL << (head & 63);
        _inFlight++;
        _nextAvail++;
        return PopStatus.Popped;
    }

    /// <inheritdoc/>
    public override void PutBack(ushort head)
    {
        Land(head);
        // The entry is read and checked anew when it is taken again: the driver may have changed it.
        _nextAvail--;
    }

    /// <inheritdoc/>
    public override void AddUsed(ushort head, uint written)
    {
        Land(head);
        if (_broken) return;   // a driver that broke the ring gets nothing more until it resets the device

        // SAFETY: the entry index is masked by the queue's size. struct virtq_used_elem { le32 id; le32 len } (2.7.8),
        // 4-byte aligned.
        Unsafe.WriteUnaligned(_usedRing + 8 * (_nextUsed & _mask), (ulong)written << 32 | head);
        _nextUsed++;
    }

    /// <inheritdoc/>
    public override bool Publish()
    {
        ushort old = _publishedUsed, now = _nextUsed;
        if (old == now || _broken) return false;

        // Release: the used entries, and all that the device wrote to the buffers, must be visible to the driver before the
        // index.
        Volatile.Write(ref *_usedIndex, now);
        _publishedUsed = now;

        // Full fence: the index must be visible before used_event (or the flag) is read. The driver writes that and then reads
        // the index again; without the fence both could miss the other's write and the interrupt would be lost (2.7.7.2).
        Interlocked.MemoryBarrier();
        if (!_eventIndex) return (Volatile.Read(ref *_availFlags) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;

        // Did the index move past the entry that the driver waits for? 16-bit arithmetic, so it holds across the wrap.
        ushort wanted = Volatile.Read(ref *_usedEvent);
        return (ushort)(now - wanted - 1) < (ushort)(now - old);
    }

    /// <inheritdoc/>
    public override void Break(string reason)
    {
        if (_broken) return;
        _broken = true;
        _fault.OnFault(reason);
    }

    /// <inheritdoc/>
    public override bool EnableDoorbell()
    {
        if (_broken) return false;
        if (_eventIndex) Volatile.Write(ref *_availEvent, _nextAvail);
        else if (_doorbellOff || _doorbellUnknown) Volatile.Write(ref *_usedFlags, (ushort)0);
        _doorbellOff = _doorbellUnknown = false;

        // Full fence: the wish for a doorbell must be visible before the index is read again. The driver writes the index
        // and then reads the wish; without the fence both could miss the other's write and the chain would lie there unseen
        // (2.7.10.2).
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref *_availIndex) != _nextAvail;
    }

    /// <inheritdoc/>
    public override void DisableDoorbell()
    {
        // With EVENT_IDX there is nothing to write: avail_event lags behind, so the driver stays silent by itself.
        if (_doorbellOff || _eventIndex || _broken) return;
        _doorbellOff = true;
        _doorbellUnknown = false;
        Volatile.Write(ref *_usedFlags, VIRTQ_USED_F_NO_NOTIFY);
    }

    /// <summary>A chain is no longer in flight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Land(ushort head)
    {
        ulong bit = 1UL << (head & 63);
        if (head >= _size || (_inFlightHeads[head >> 6] & bit) == 0) ThrowNotInFlight(head);
        _inFlightHeads[head >> 6] &= ~bit;
        _inFlight--;
    }

    /// <summary>Copies and checks the chain that starts at <paramref name="head"/>, which is below the queue's size.</summary>
    private PopStatus Walk(ushort head, Span<IoSegment> segments, out DescriptorChain chain)
    {
        chain = default;
        byte* table = _descriptors;
        uint entries = (uint)_size, index = head;
        bool inIndirect = false;
        int visited = 0, count = 0, readable = 0;
        ulong readableBytes = 0, totalBytes = 0;

        while (true)
        {
            // Both words are read once, and only these copies are looked at from here on. Volatile keeps the compiler from
            // reading again. SAFETY: index < entries, and the whole table was translated. An indirect table may be
            // unaligned, which x86 permits.
            ulong* descriptor = (ulong*)(table + (nuint)index * DescriptorSize);
            ulong address = Volatile.Read(ref descriptor[0]);
            ulong rest = Volatile.Read(ref descriptor[1]);
            uint length = (uint)rest;
            int flags = (ushort)(rest >> 32);
            ushort next = (ushort)(rest >> 48);

            if ((flags & VIRTQ_DESC_F_INDIRECT) != 0)
            {
                if (!_indirect) return Malformed("an indirect descriptor without INDIRECT_DESC negotiated");
                if (inIndirect) return Malformed("an indirect descriptor inside an indirect table");
                if ((flags & VIRTQ_DESC_F_NEXT) != 0) return Malformed("a descriptor with both INDIRECT and NEXT");
                if (length == 0 || length % DescriptorSize != 0 || length / DescriptorSize > MaxSize)
                    return Malformed("an indirect table of {0} bytes", length);
                if (!_memory.TryTranslate(address, length, out table)) return Malformed("an indirect table at 0x{0:x} outside RAM", address);
                inIndirect = true;   // its WRITE flag means nothing (2.7.5.3.2)
                entries = length / DescriptorSize;
                index = 0;
                continue;
            }

            // This bound also ends every loop.
            if (++visited > _size) return Malformed("a chain that is longer than the queue or loops");
            totalBytes += length;
            if (totalBytes > uint.MaxValue) return Malformed("a chain of more than 2^32 - 1 bytes");

            int from = count;
            if (!TryAddSegments(address, length, segments, ref count))
                return Malformed("a buffer of {0} bytes at 0x{1:x} that is not RAM", length, address);

            if ((flags & VIRTQ_DESC_F_WRITE) == 0)
            {
                if (readable != from) return Malformed("a device-readable buffer after a device-writable one");
                readable = count;
                readableBytes = totalBytes;
            }

            if ((flags & VIRTQ_DESC_F_NEXT) == 0) break;
            if (next >= entries) return Malformed("a next index of {0} in a table of {1}", next, entries);
            index = next;
        }

        chain = new DescriptorChain(head, readable, count - readable, (uint)readableBytes, (uint)(totalBytes - readableBytes));
        return PopStatus.Popped;
    }

    /// <summary>
    /// Translates one buffer. Usually one segment; a buffer without bytes gives none, and its address is not looked at.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryAddSegments(ulong address, uint length, Span<IoSegment> segments, ref int count)
    {
        if (length - 1 < MaxSegmentLength && count < segments.Length && _memory.TryTranslate(address, length, out byte* pointer))
        {
            segments[count++] = new IoSegment(pointer, length);
            return true;
        }

        return length == 0 || TryCutSegments(address, length, segments, ref count);
    }

    /// <summary>
    /// A buffer across the border of two adjacent regions (hot-plugged memory), or a huge one, is cut into segments.
    /// </summary>
    private bool TryCutSegments(ulong address, uint length, Span<IoSegment> segments, ref int count)
    {
        if (address > ulong.MaxValue - length) return false;
        while (length > 0)
        {
            uint part = 0;
            foreach (ref readonly GuestRegion region in _memory.Regions)
            {
                ulong offset = address - region.GuestAddress;   // huge when below the region
                if (offset >= region.Length) continue;
                part = (uint)Math.Min(Math.Min(length, region.Length - offset), MaxSegmentLength);
                break;
            }

            if (part == 0 || count == segments.Length || !_memory.TryTranslate(address, part, out byte* pointer)) return false;
            segments[count++] = new IoSegment(pointer, part);
            address += part;
            length -= part;
        }

        return true;
    }

    // Out of line and with a format instead of interpolation, so that the healthy path carries no string builders on its stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private PopStatus Malformed(string format, ulong first = 0, ulong second = 0)
    {
        Break("the driver broke its queue: " + string.Format(CultureInfo.InvariantCulture, format, first, second));
        return PopStatus.Broken;
    }

    [DoesNotReturn]
    private static void ThrowSegmentsTooShort() => throw new ArgumentException("the span must be at least MaxSegments long", "segments");

    [DoesNotReturn]
    private static void ThrowNotInFlight(ushort head) => throw new InvalidOperationException($"chain {head} is not in flight");
}
