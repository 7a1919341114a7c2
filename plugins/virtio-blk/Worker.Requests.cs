using System.Runtime.CompilerServices;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Plugins.VirtioBlk.Images;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

// What the guest asks for (virtio 1.2 section 5.2.6): parse, check, launch. All numbers come from the guest; the header and the ranges are
// copied before they are looked at, and the segments are the queue's checked copies.
internal sealed unsafe partial class Worker
{
    /// <summary>Bytes of the largest request; more than any driver sends.</summary>
    private const uint MaxRequestBytes = 64 * 1024 * 1024;

    /// <summary>Sectors of the largest range of a discard or write-zeroes: 2 GiB. Told to the driver.</summary>
    internal const uint MaxRangeSectors = 1 << 22;

    /// <summary>Data that the device could not move in the direction it was asked to: to succeed without it would be a lie.</summary>
    private const string WrongWay = "a read into buffers for writing, or a write from buffers for reading";

    private void Begin(BlockEngine engine, Request* request, int slot, in DescriptorChain chain)
    {
        request->Head = chain.Head;
        request->DataBytes = 0;
        request->Retries = 0;
        // Until data is written before it, the status alone was (2.7.8.2: from the start, at least the reported bytes are written).
        request->Written = chain.WritableBytes == 1 ? 1u : 0;
        request->Durable = request->Buffered = request->Bounced = false;
        if (chain.Writable == 0)
        {
            // There is no way to say that it failed, and a driver that saw it used would take whatever its status byte holds for the answer.
            _ring.Break("the driver sent a request without room for its status");
            GiveBack(request, slot);
            return;
        }

        // The status is the last writable byte, however the driver cuts its buffers (2.7.4.1: no assumption on framing).
        int writable = chain.Writable;
        IoSegment* last = request->Segments + chain.Readable + writable - 1;
        request->Status = last->Address + last->Length - 1;
        if (last->Length == 1) writable--;
        else *last = new IoSegment(last->Address, last->Length - 1);

        if (chain.ReadableBytes < BlkSpec.HeaderSize)
        {
            Refuse(request, slot, "a request without a whole header");
            return;
        }

        ulong header0, sector;
        IoSegment* data = request->Segments;
        int count = chain.Readable;
        if (data->Length >= BlkSpec.HeaderSize)
        {
            header0 = Unsafe.ReadUnaligned<ulong>(data->Address);
            sector = Unsafe.ReadUnaligned<ulong>(data->Address + 8);
        }
        else
        {
            byte* header = stackalloc byte[BlkSpec.HeaderSize];
            Gather(data, header, BlkSpec.HeaderSize);
            header0 = Unsafe.ReadUnaligned<ulong>(header);
            sector = Unsafe.ReadUnaligned<ulong>(header + 8);
        }

        switch ((uint)header0)
        {
            case BlkSpec.VIRTIO_BLK_T_IN:
                request->Kind = RequestKind.Read;
                request->Operation = Operation.Read;
                request->Data = request->Segments + chain.Readable;
                request->DataCount = writable;
                request->DataBytes = chain.WritableBytes - 1;
                if (chain.ReadableBytes != BlkSpec.HeaderSize) Refuse(request, slot, WrongWay);
                else BeginTransfer(engine, request, slot, sector);
                break;

            case BlkSpec.VIRTIO_BLK_T_OUT:
                Skip(ref data, ref count, BlkSpec.HeaderSize);
                request->Kind = RequestKind.Write;
                request->Operation = Operation.Write;
                request->Data = data;
                request->DataCount = count;
                request->DataBytes = chain.ReadableBytes - BlkSpec.HeaderSize;
                request->Durable = _disk.Writethrough;
                if (chain.WritableBytes != 1) Refuse(request, slot, WrongWay);
                else BeginTransfer(engine, request, slot, sector);
                break;

            case BlkSpec.VIRTIO_BLK_T_FLUSH:
                request->Kind = RequestKind.Flush;
                if (_disk.ReadOnly) Finish(request, slot, BlkSpec.VIRTIO_BLK_S_OK);
                else Limit(engine, request, slot);
                break;

            case BlkSpec.VIRTIO_BLK_T_GET_ID:
                AnswerSerial(request, slot, request->Segments + chain.Readable, chain.WritableBytes - 1);
                break;

            case BlkSpec.VIRTIO_BLK_T_DISCARD:
            case BlkSpec.VIRTIO_BLK_T_WRITE_ZEROES:
                Skip(ref data, ref count, BlkSpec.HeaderSize);
                request->Kind = (uint)header0 == BlkSpec.VIRTIO_BLK_T_DISCARD ? RequestKind.Discard : RequestKind.WriteZeroes;
                request->Data = data;
                request->Durable = _disk.Writethrough;
                BeginRanges(engine, request, slot, chain.ReadableBytes - BlkSpec.HeaderSize);
                break;

            default:
                Finish(request, slot, BlkSpec.VIRTIO_BLK_S_UNSUPP);
                break;
        }
    }

    private void BeginTransfer(BlockEngine engine, Request* request, int slot, ulong sector)
    {
        RawImage image = _disk.Image;
        uint bytes = request->DataBytes;
        ulong capacity = image.CapacitySectors;
        if (bytes % BlkSpec.SectorSize != 0 || bytes > MaxRequestBytes || request->DataCount > RequestPool.MaxVectors)
        {
            Refuse(request, slot, "a request that is no multiple of 512 bytes, or too long");
            return;
        }

        if (sector > capacity || bytes >> BlkSpec.SectorShift > capacity - sector)
        {
            Refuse(request, slot, "a request past the end of the disk");
            return;
        }

        if (request->Kind == RequestKind.Write && !MayWrite(request, slot, sector)) return;
        if (bytes == 0)
        {
            Finish(request, slot, BlkSpec.VIRTIO_BLK_S_OK);
            return;
        }

        request->Offset = sector << BlkSpec.SectorShift;
        request->DataLeft = bytes;
        if (image.OffsetMask != 0) Align(request, image);
        Limit(engine, request, slot);
    }

    /// <summary>Answers and says false when the guest must not write there.</summary>
    private bool MayWrite(Request* request, int slot, ulong sector)
    {
        if (_disk.ReadOnly)
        {
            Refuse(request, slot, "a write to a read-only disk");
            return false;
        }

        if (sector == 0 && _disk.Image.ProtectFirstSector)
        {
            Refuse(request, slot, "a write to the first sector, which is read-only because no image_type was given");
            return false;
        }

        return true;
    }

    /// <summary>Chooses the detour of a request that O_DIRECT would refuse.</summary>
    private static void Align(Request* request, RawImage image)
    {
        if (((request->Offset | request->DataBytes) & image.OffsetMask) != 0)
        {
            request->Buffered = true;
            return;
        }

        nuint wrong = 0;
        for (int i = 0; i < request->DataCount; i++)
            wrong |= ((nuint)request->Data[i].Address & image.MemoryMask) | (request->Data[i].Length & image.OffsetMask);
        request->Bounced = wrong != 0;
    }

    private void BeginRanges(BlockEngine engine, Request* request, int slot, uint bytes)
    {
        if (bytes == 0 || bytes % BlkSpec.RangeSize != 0 || bytes > RequestPool.MaxRanges * BlkSpec.RangeSize)
        {
            Refuse(request, slot, "a discard or write-zeroes with no ranges, part of one, or too many");
            return;
        }

        BlockRange* ranges = _pool!.Ranges(slot);
        Gather(request->Data, (byte*)ranges, bytes);
        request->RangeCount = (ushort)(bytes / BlkSpec.RangeSize);
        request->RangeIndex = 0;
        ulong capacity = _disk.Image.CapacitySectors;
        uint allowed = request->Kind == RequestKind.WriteZeroes ? BlkSpec.VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
        for (int i = 0; i < request->RangeCount; i++)
        {
            BlockRange range = ranges[i];
            if ((range.Flags & ~allowed) != 0)
            {
                Finish(request, slot, BlkSpec.VIRTIO_BLK_S_UNSUPP);   // 5.2.6.2: unknown flags, or unmap on a discard
                return;
            }

            if (range.Sector > capacity || range.Sectors > capacity - range.Sector || range.Sectors > MaxRangeSectors)
            {
                Refuse(request, slot, "a discard or write-zeroes past the end of the disk, or too long");
                return;
            }

            if (!MayWrite(request, slot, range.Sector)) return;
        }

        Limit(engine, request, slot);
    }

    private void AnswerSerial(Request* request, int slot, IoSegment* room, uint bytes)
    {
        ReadOnlySpan<byte> serial = _disk.Serial;
        uint length = Math.Min(bytes, BlkSpec.SerialSize);
        for (uint done = 0; done < length; room++)
        {
            uint part = (uint)nuint.Min(room->Length, length - done);
            serial.Slice((int)done, (int)part).CopyTo(new Span<byte>(room->Address, (int)part));
            done += part;
        }

        request->Written = length == bytes ? bytes + 1 : length;
        Finish(request, slot, BlkSpec.VIRTIO_BLK_S_OK);
    }

    /// <summary>Answers with an error. The reason is a constant: nothing is allocated for what a guest can do at will.</summary>
    private void Refuse(Request* request, int slot, string why)
    {
        _host.Log.GuestTriggered(why);
        Finish(request, slot, BlkSpec.VIRTIO_BLK_S_IOERR);
    }

    /// <summary>Copies the first bytes of segments that hold at least as many.</summary>
    private static void Gather(IoSegment* from, byte* to, uint bytes)
    {
        while (bytes > 0)
        {
            uint part = (uint)nuint.Min(from->Length, bytes);
            Unsafe.CopyBlockUnaligned(to, from->Address, part);
            to += part;
            bytes -= part;
            from++;
        }
    }

    /// <summary>Drops the first bytes of segments that hold at least as many.</summary>
    private static void Skip(ref IoSegment* segments, ref int count, nuint bytes)
    {
        while (bytes > 0)
        {
            if (segments->Length <= bytes)
            {
                bytes -= segments->Length;
                segments++;
                count--;
            }
            else
            {
                *segments = new IoSegment(segments->Address + bytes, segments->Length - bytes);
                bytes = 0;
            }
        }
    }
}
