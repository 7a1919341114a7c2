using System.Runtime.InteropServices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>
/// The request slots of one queue, in native memory. Most of it is only reserved: the kernel gives a page when it is first written, and
/// slots are used last in, first out, so a queue that runs shallow stays small.
/// </summary>
internal sealed unsafe class RequestPool : IDisposable
{
    /// <summary>The most requests in flight; a longer queue waits in its ring.</summary>
    public const int MaxSlots = 1024;

    /// <summary>The most iovecs that the kernel takes at once (UIO_MAXIOV).</summary>
    public const int MaxVectors = 1024;

    /// <summary>The most ranges of one discard or write-zeroes.</summary>
    public const int MaxRanges = 32;

    /// <summary>Bytes that go through a slot's bounce buffer at a time. A multiple of every O_DIRECT unit.</summary>
    public const int BounceBytes = 128 * 1024;

    private const int BounceAlignment = 4096;

    /// <summary>Bounds what is reserved for very long queues.</summary>
    private const int MaxSegmentBytes = 64 * 1024 * 1024;

    private readonly Request* _requests;
    private readonly IoSegment* _segments;
    private readonly BlockRange* _ranges;
    private byte* _bounce;
    private int _free;

    /// <summary>Makes the slots for a queue.</summary>
    /// <param name="queue">Its size says how many slots there are and how many segments each has.</param>
    public RequestPool(Virtqueue queue)
    {
        QueueSize = queue.Size;
        SegmentsPerSlot = queue.MaxSegments;
        Slots = Math.Min(Math.Min(queue.Size, MaxSlots), MaxSegmentBytes / (SegmentsPerSlot * sizeof(IoSegment)));
        int all = Slots + 1;   // one more for flushes of the device's own
        _requests = (Request*)NativeMemory.AllocZeroed((nuint)all, (nuint)sizeof(Request));
        _segments = (IoSegment*)NativeMemory.Alloc((nuint)all * (nuint)SegmentsPerSlot, (nuint)sizeof(IoSegment));
        _ranges = (BlockRange*)NativeMemory.Alloc((nuint)all * MaxRanges, (nuint)sizeof(BlockRange));
        for (int i = 0; i < all; i++)
        {
            _requests[i].Segments = _segments + (nint)i * SegmentsPerSlot;
            _requests[i].Next = i + 1 < Slots ? i + 1 : -1;
        }

        FreeSlots = Slots;
    }

    /// <summary>Size of the queue that the slots were made for.</summary>
    public int QueueSize { get; }

    /// <summary>Segments that a chain can have.</summary>
    public int SegmentsPerSlot { get; }

    /// <summary>Slots for the guest's requests.</summary>
    public int Slots { get; }

    /// <summary>Slots that are free.</summary>
    public int FreeSlots { get; private set; }

    /// <summary>The slot of the device's own flush.</summary>
    public int InternalSlot => Slots;

    /// <summary>A slot's request.</summary>
    public Request* this[int slot] => _requests + slot;

    /// <summary>The free slot that <see cref="Take"/> would give; only when <see cref="FreeSlots"/> is not 0.</summary>
    public int Peek() => _free;

    /// <summary>Takes the slot that <see cref="Peek"/> showed.</summary>
    public void Take()
    {
        _requests[_free].InFlight = true;
        _requests[_free].Seen = false;
        _free = _requests[_free].Next;
        FreeSlots--;
    }

    /// <summary>Gives a slot back.</summary>
    public void Return(int slot)
    {
        _requests[slot].InFlight = false;
        _requests[slot].Next = _free;
        _free = slot;
        FreeSlots++;
    }

    /// <summary>Room for a slot's ranges.</summary>
    public BlockRange* Ranges(int slot) => _ranges + (nint)slot * MaxRanges;

    /// <summary>A slot's bounce buffer. Reserved for all slots when the first request needs one.</summary>
    public byte* Bounce(int slot)
    {
        if (_bounce is null) _bounce = (byte*)NativeMemory.AlignedAlloc((nuint)Slots * BounceBytes, BounceAlignment);
        return _bounce + (nint)slot * BounceBytes;
    }

    /// <summary>Frees the slots; none is in flight.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_bounce);
        NativeMemory.Free(_ranges);
        NativeMemory.Free(_segments);
        NativeMemory.Free(_requests);
    }
}
