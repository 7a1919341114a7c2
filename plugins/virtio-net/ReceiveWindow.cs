using System.Runtime.InteropServices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// Buffers that were taken ahead from a receive queue, so that the kernel can write a frame of any size straight into them: their segments lie
/// in a row and are the iovecs of the read. What is longer than the segments at hand goes into a spill buffer behind them and is copied once
/// more buffers are there; frames grow rarely, so that is rare. All memory is native and made when the queue starts. Used by the
/// queue's owner only.
/// </summary>
internal sealed unsafe class ReceiveWindow : IDisposable
{
    /// <summary>The most iovecs that the kernel takes at once (UIO_MAXIOV).</summary>
    public const int MaxVectors = 1024;

    private const int MaxRefusedAtOnce = 64;

    private IoSegment* _segments;    // one more than _segmentRoom: the spill buffer's place behind the last
    private Request* _requests;
    private byte* _spill;
    private int _segmentRoom, _requestRoom, _queueSize;
    private int _firstSegment, _endSegment, _firstRequest, _endRequest;
    private int _direct;             // segments that the last read went to
    private ulong _directBytes;
    private bool _spills;            // the last read had the spill buffer
    private int _refused;

    /// <summary>Buffers in it.</summary>
    public int Count => _endRequest - _firstRequest;

    /// <summary>Bytes that they hold.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Bytes that the first one holds.</summary>
    public uint FirstBytes => _requests[_firstRequest].Bytes;

    /// <summary>Makes it fit a queue. It is empty then.</summary>
    public void Prepare(Virtqueue queue)
    {
        int segmentRoom = 2 * queue.MaxSegments + MaxVectors;
        if (_queueSize != queue.Size || _segmentRoom != segmentRoom)
        {
            Dispose();
            _queueSize = queue.Size;
            _segmentRoom = segmentRoom;
            _requestRoom = 2 * queue.Size;
            _segments = (IoSegment*)NativeMemory.Alloc((nuint)segmentRoom + 1, (nuint)sizeof(IoSegment));
            _requests = (Request*)NativeMemory.Alloc((nuint)_requestRoom, (nuint)sizeof(Request));
            _spill = (byte*)NativeMemory.Alloc(NetSpec.MaxFrame);
        }

        Forget();
    }

    /// <summary>Takes buffers until the window holds so many bytes, or there are no more.</summary>
    /// <returns>Whether it holds them.</returns>
    public bool Fill(Virtqueue queue, ulong bytes)
    {
        while (Bytes < bytes)
        {
            if (!TryTake(queue)) return false;
        }

        return true;
    }

    /// <summary>Whether the driver can make it larger: it has buffers that are not in it, and there is room for them.</summary>
    public bool CanGrow(Virtqueue queue) => queue.InFlight < _queueSize && MakeRoom(queue.MaxSegments);

    /// <summary>How many buffers were of no use and given back since the last call.</summary>
    public int TakeRefused()
    {
        int refused = _refused;
        _refused = 0;
        return refused;
    }

    /// <summary>
    /// The iovecs for a frame: segments for as many bytes as are expected, the spill buffer behind them. Only the first segment where that is longer than
    /// any frame can be, because a single one costs the kernel a good deal less.
    /// </summary>
    /// <param name="expected">Bytes for which segments are given.</param>
    /// <param name="longest">Bytes that a frame can have at most.</param>
    /// <param name="count">Number of iovecs.</param>
    /// <param name="replaced">What stood where the spill buffer is now; give it to <see cref="EndRead"/>.</param>
    public IoSegment* BeginRead(ulong expected, ulong longest, out int count, out IoSegment replaced)
    {
        IoSegment* first = _segments + _firstSegment;
        if (first->Length > longest)
        {
            _spills = false;
            _direct = count = 1;
            _directBytes = first->Length;
            replaced = default;
            return first;
        }

        int available = Math.Min(_endSegment - _firstSegment, MaxVectors - 1);
        _spills = true;
        _direct = 0;
        _directBytes = 0;
        while (_direct < available && _directBytes < expected) _directBytes += first[_direct++].Length;
        // SAFETY: there is one place more than segments can fill.
        replaced = first[_direct];
        first[_direct] = new IoSegment(_spill, NetSpec.MaxFrame);
        count = _direct + 1;
        return first;
    }

    /// <summary>After the read.</summary>
    /// <returns>Whether the frame filled all there was, so that its end may be missing.</returns>
    public bool EndRead(nint length, IoSegment replaced)
    {
        if (_spills) _segments[_firstSegment + _direct] = replaced;
        return !_spills && (ulong)length == _directBytes;
    }

    /// <summary>Copies what the last read put into the spill buffer to where it belongs. The window holds the whole frame.</summary>
    public void PlaceSpill(ulong length)
    {
        if (length <= _directBytes) return;
        byte* from = _spill;
        ulong left = length - _directBytes;
        for (int i = _firstSegment + _direct; left > 0; i++)
        {
            ulong part = Math.Min(left, _segments[i].Length);
            // SAFETY: the segment holds that much, and the spill buffer the rest of a frame that was read into it.
            Buffer.MemoryCopy(from, _segments[i].Address, part, part);
            from += part;
            left -= part;
        }
    }

    /// <summary>Writes a byte of the frame's header, wherever the driver's segments have it.</summary>
    public void SetByte(int offset, byte value)
    {
        nuint at = (nuint)offset;
        IoSegment* segment = _segments + _firstSegment;
        while (at >= segment->Length)
        {
            at -= segment->Length;
            segment++;
        }

        segment->Address[at] = value;
    }

    /// <summary>How many buffers a frame takes.</summary>
    public int CountFor(ulong length)
    {
        int count = 0;
        for (ulong room = 0; room < length; count++) room += _requests[_firstRequest + count].Bytes;
        return count;
    }

    /// <summary>Gives the first buffers back with a frame in them.</summary>
    public void Use(Virtqueue queue, int count, ulong length)
    {
        for (; count > 0; count--)
        {
            Request* request = _requests + _firstRequest++;
            uint part = (uint)Math.Min(length, request->Bytes);
            queue.AddUsed(request->Head, part);
            length -= part;
            Bytes -= request->Bytes;
            _firstSegment += request->Segments;
        }

        if (_firstRequest == _endRequest) Forget();
    }

    /// <summary>Puts all buffers back into the ring as if they had not been taken.</summary>
    public void PutBack(Virtqueue queue)
    {
        while (_endRequest > _firstRequest) queue.PutBack(_requests[--_endRequest].Head);
        Forget();
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        NativeMemory.Free(_segments);
        NativeMemory.Free(_requests);
        NativeMemory.Free(_spill);
        _segments = null;
        _requests = null;
        _spill = null;
        _queueSize = 0;
    }

    private bool TryTake(Virtqueue queue)
    {
        while (_refused < MaxRefusedAtOnce)
        {
            if (!MakeRoom(queue.MaxSegments)) return false;
            // SAFETY: room for MaxSegments was just made.
            var segments = new Span<IoSegment>(_segments + _endSegment, queue.MaxSegments);
            if (queue.TryPop(segments, out DescriptorChain chain) != PopStatus.Popped) return false;
            if (chain.Readable > 0 || chain.WritableBytes < NetSpec.HeaderSize)
            {
                // 5.1.6.3.1: device-writable, with room for the header at least.
                queue.AddUsed(chain.Head, 0);
                _refused++;
                continue;
            }

            _requests[_endRequest++] = new Request { Head = chain.Head, Segments = chain.Writable, Bytes = chain.WritableBytes };
            _endSegment += chain.Writable;
            Bytes += chain.WritableBytes;
            return true;
        }

        return false;
    }

    /// <summary>Moves what there is to the front when the end is near.</summary>
    private bool MakeRoom(int segments)
    {
        if (_endRequest == _requestRoom)
        {
            int count = Count;
            Buffer.MemoryCopy(_requests + _firstRequest, _requests, _requestRoom * sizeof(Request), count * sizeof(Request));
            _firstRequest = 0;
            _endRequest = count;
        }

        if (_endSegment + segments > _segmentRoom && _firstSegment > 0)
        {
            int count = _endSegment - _firstSegment;
            Buffer.MemoryCopy(_segments + _firstSegment, _segments, (long)_segmentRoom * sizeof(IoSegment), (long)count * sizeof(IoSegment));
            _firstSegment = 0;
            _endSegment = count;
        }

        return _endSegment + segments <= _segmentRoom && _endRequest < _requestRoom;
    }

    private void Forget()
    {
        _firstSegment = _endSegment = _firstRequest = _endRequest = 0;
        Bytes = 0;
    }
}
