using System.Diagnostics;
using System.Runtime.CompilerServices;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

// A request's way through the engine: one operation after the other until it is answered.
internal sealed unsafe partial class Worker
{
    private const int EINTR = 4;
    private const int EAGAIN = 11;
    private const int EOPNOTSUPP = 95;
    private const int MaxRetries = 16;

    private int _syncFirst = None;       // requests that the fdatasync under way will answer
    private int _waitFirst = None;       // requests that came after it began, and need another one
    private int _seenSyncFailures;
    private volatile bool _flushRequested;

    /// <summary>Has all writes so far put on stable storage, on behalf of the device. Any thread.</summary>
    public void RequestFlush()
    {
        _flushRequested = true;
        Wake();
    }

    /// <summary>Whether <see cref="RequestFlush"/> was called and has not begun. While the queue is stopped.</summary>
    public bool IsFlushPending => _flushRequested;

    /// <summary>Whether a flush of the image has failed since this queue's driver was last told of one. While the queue is stopped.</summary>
    public bool HasLostWrites => _seenSyncFailures != _disk.Image.SyncFailures;

    /// <summary>An earlier instance has not told the driver that a flush failed: the next one of this queue fails. Before the queue starts.</summary>
    public void RememberLostWrites() => _seenSyncFailures = -1;

    private void Launch(BlockEngine engine, Request* request, int slot)
    {
        switch (request->Kind)
        {
            case RequestKind.Read or RequestKind.Write:
                Transfer(engine, request, slot);
                break;
            case RequestKind.Flush:
                Sync(engine, request, slot);
                break;
            default:
                NextRange(engine, request, slot);
                break;
        }
    }

    private void Complete(BlockEngine engine, Request* request, int slot, int result)
    {
        if (result is -EINTR or -EAGAIN && request->Retries++ < MaxRetries)
        {
            engine.Submit(request, slot);
            return;
        }

        switch (request->Operation)
        {
            case Operation.Read or Operation.Write:
                CompleteTransfer(engine, request, slot, result);
                break;
            case Operation.Sync:
                CompleteSync(engine, result);
                break;
            default:
                CompleteRange(engine, request, slot, result);
                break;
        }
    }

    /// <summary>Starts the next piece of a request's data: all of it, or what fits its bounce buffer.</summary>
    private void Transfer(BlockEngine engine, Request* request, int slot)
    {
        if (!request->Bounced)
        {
            request->Vector = request->Data;
            request->VectorCount = request->DataCount;
            request->Wanted = request->DataLeft;
        }
        else
        {
            byte* bounce = _pool!.Bounce(slot);
            request->Wanted = Math.Min(request->DataLeft, RequestPool.BounceBytes);
            request->BounceVector = new IoSegment(bounce, request->Wanted);
            request->Vector = &request->BounceVector;   // in native memory: it stays where it is
            request->VectorCount = 1;
            if (request->Kind == RequestKind.Write) Gather(request->Data, bounce, request->Wanted);
        }

        engine.Submit(request, slot);
    }

    private void CompleteTransfer(BlockEngine engine, Request* request, int slot, int result)
    {
        if (result <= 0)
        {
            // 0 is the end of a file that became shorter than the disk.
            BackEndFailed(request, slot, result);
            return;
        }

        uint moved = Math.Min((uint)result, request->Wanted);
        request->DataLeft -= moved;
        if (request->Bounced && request->Kind == RequestKind.Read) Scatter(request, moved);
        if (request->DataLeft == 0)
        {
            if (request->Kind == RequestKind.WriteZeroes)
            {
                request->RangeIndex++;
                NextRange(engine, request, slot);
            }
            else
            {
                Answer(request, slot);
            }

            return;
        }

        // The kernel did part of it, or the bounce buffer holds part of it: go on with the rest.
        request->Offset += moved;
        if (request->Kind == RequestKind.WriteZeroes)
        {
            TransferZeros(engine, request, slot);
            return;
        }

        if (!request->Bounced || request->Kind == RequestKind.Write) Skip(ref request->Data, ref request->DataCount, moved);
        Transfer(engine, request, slot);
    }

    /// <summary>A read or write is done.</summary>
    private void Answer(Request* request, int slot)
    {
        if (_now == 0) _now = Stopwatch.GetTimestamp();
        long ticks = _now - request->Started;
        if (request->Kind == RequestKind.Read)
        {
            request->Written = request->DataBytes + 1;
            _metrics.AddRead(request->DataBytes, ticks);
        }
        else
        {
            _metrics.AddWrite(request->DataBytes, ticks);
        }

        Finish(request, slot, BlkSpec.VIRTIO_BLK_S_OK);
    }

    /// <summary>
    /// Waits for an fdatasync that begins from now on. One runs at a time: what comes meanwhile shares the next one, so a storm of flushes costs
    /// two of them, and none is answered by one that began before it.
    /// </summary>
    private void Sync(BlockEngine engine, Request* request, int slot)
    {
        request->Operation = Operation.Sync;
        if (_syncFirst == None)
        {
            request->Next = None;
            _syncFirst = slot;
            engine.Submit(request, slot);
        }
        else
        {
            request->Next = _waitFirst;
            _waitFirst = slot;
        }
    }

    private void CompleteSync(BlockEngine engine, int result)
    {
        if (result < 0) _disk.Image.AddSyncFailure();
        int failures = _disk.Image.SyncFailures;
        byte status = failures == _seenSyncFailures ? BlkSpec.VIRTIO_BLK_S_OK : BlkSpec.VIRTIO_BLK_S_IOERR;
        _seenSyncFailures = failures;
        if (status != BlkSpec.VIRTIO_BLK_S_OK) _host.Log.GuestTriggered("the host could not put the disk's data on stable storage");
        int slot = _syncFirst;
        _syncFirst = _waitFirst;
        _waitFirst = None;
        while (slot != None)
        {
            Request* request = _pool![slot];
            int next = request->Next;
            if (request->Kind == RequestKind.InternalFlush) _internalFlush = request->InFlight = false;
            else Finish(request, slot, status);
            slot = next;
        }

        if (_syncFirst != None)
        {
            _pool![_syncFirst]->Retries = 0;
            engine.Submit(_pool[_syncFirst], _syncFirst);
        }
    }

    private void StartInternalFlush(BlockEngine engine)
    {
        if (_internalFlush) return;   // asked for again meanwhile: looked at again when that one is done
        _flushRequested = false;
        _internalFlush = true;
        int slot = _pool!.InternalSlot;
        Request* request = _pool[slot];
        request->Kind = RequestKind.InternalFlush;
        request->Retries = 0;
        request->InFlight = true;
        request->Seen = false;
        Sync(engine, request, slot);
    }

    /// <summary>Starts on the next range of a discard or write-zeroes, or finishes.</summary>
    private void NextRange(BlockEngine engine, Request* request, int slot)
    {
        BlockRange* ranges = _pool!.Ranges(slot);
        while (request->RangeIndex < request->RangeCount && ranges[request->RangeIndex].Sectors == 0) request->RangeIndex++;
        if (request->RangeIndex == request->RangeCount)
        {
            if (request->Durable) Sync(engine, request, slot);
            else Finish(request, slot, BlkSpec.VIRTIO_BLK_S_OK);
            return;
        }

        BlockRange range = ranges[request->RangeIndex];
        bool mayFree = request->Kind == RequestKind.Discard || (range.Flags & BlkSpec.VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0;
        request->Operation = mayFree ? Operation.Punch : Operation.Zero;
        request->Offset = range.Sector << BlkSpec.SectorShift;
        request->Length = (ulong)range.Sectors << BlkSpec.SectorShift;
        ulong unit = _disk.Image.RangeMask;
        if (((request->Offset | request->Length) & unit) == 0)
        {
            engine.Submit(request, slot);
        }
        else if (request->Kind == RequestKind.WriteZeroes)
        {
            WriteZeros(engine, request, slot);
        }
        else
        {
            // What is freed is up to the device (5.2.6.2): the whole blocks in it.
            ulong end = (request->Offset + request->Length) & ~unit;
            request->Offset = (request->Offset + unit) & ~unit;
            request->Length = end > request->Offset ? end - request->Offset : 0;
            if (request->Length != 0) engine.Submit(request, slot);
            else CompleteRange(engine, request, slot, 0);
        }
    }

    private void CompleteRange(BlockEngine engine, Request* request, int slot, int result)
    {
        if (result >= 0)
        {
            request->RangeIndex++;
            NextRange(engine, request, slot);
        }
        else if (result != -EOPNOTSUPP)
        {
            BackEndFailed(request, slot, result);
        }
        else if (request->Kind == RequestKind.Discard)
        {
            Finish(request, slot, BlkSpec.VIRTIO_BLK_S_UNSUPP);
        }
        else if (request->Operation == Operation.Punch)
        {
            request->Operation = Operation.Zero;
            engine.Submit(request, slot);
        }
        else
        {
            WriteZeros(engine, request, slot);
        }
    }

    private void WriteZeros(BlockEngine engine, Request* request, int slot)
    {
        request->DataLeft = (uint)request->Length;   // at most MaxRangeSectors
        request->Buffered = (((uint)request->Offset | (uint)request->Length) & _disk.Image.OffsetMask) != 0;
        TransferZeros(engine, request, slot);
    }

    /// <summary>The filesystem cannot zero a range by itself: write zeros. The ranges were copied, so the segments are free for it.</summary>
    private void TransferZeros(BlockEngine engine, Request* request, int slot)
    {
        const int most = 16;
        byte* zeros = _disk.Zeros;
        request->Operation = Operation.Write;
        request->Vector = request->Segments;
        request->Wanted = Math.Min(request->DataLeft, most * Disk.ZeroBytes);
        request->VectorCount = 0;
        for (uint done = 0; done < request->Wanted; done += Disk.ZeroBytes)
            request->Segments[request->VectorCount++] = new IoSegment(zeros, Math.Min(request->Wanted - done, Disk.ZeroBytes));
        engine.Submit(request, slot);
    }

    private void BackEndFailed(Request* request, int slot, int result)
    {
        _host.Log.GuestTriggered(Explain(result));
        Finish(request, slot, BlkSpec.VIRTIO_BLK_S_IOERR);
    }

    /// <summary>Copies from the bounce buffer to the guest, and drops what it filled.</summary>
    private static void Scatter(Request* request, uint bytes)
    {
        byte* from = request->BounceVector.Address;
        uint left = bytes;
        while (left > 0)
        {
            IoSegment* to = request->Data;
            uint part = (uint)nuint.Min(to->Length, left);
            Unsafe.CopyBlockUnaligned(to->Address, from, part);
            from += part;
            left -= part;
            Skip(ref request->Data, ref request->DataCount, part);
        }
    }
}
