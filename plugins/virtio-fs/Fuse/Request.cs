using System.Runtime.CompilerServices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// One request at a time: what the guest asked, copied once out of its memory, and the answer. The bytes of a file are not copied: they move between the file and
/// the guest's pages. Made once for a thread and used again; nothing is allocated for a request.
/// </summary>
internal sealed unsafe class Request
{
    /// <summary>The most bytes of a request besides those of a file: an extended attribute with its name is the longest.</summary>
    public const int MaxInput = (64 << 10) + 4096;

    /// <summary>The most bytes of an answer besides those of a file.</summary>
    public const int MaxOutput = 64 << 10;

    /// <summary>The most bytes of a file that one request moves.</summary>
    public const uint MaxTransfer = 1 << 20;

    /// <summary>An answer that is none: a forget is not answered.</summary>
    public const int NoAnswer = int.MinValue;

    /// <summary>IOV_MAX: the most segments that one system call takes.</summary>
    private const int MaxVectors = 1024;

    private readonly byte[] _input = GC.AllocateUninitializedArray<byte>(MaxInput, pinned: true);
    private readonly byte[] _output = GC.AllocateUninitializedArray<byte>(MaxOutput, pinned: true);
    private readonly byte* _in, _out;
    private IoSegment[] _segments = [];
    private IoSegment[] _vectors = [];
    private DescriptorChain _chain;
    private int _length, _cursor;
    private InHeader _header;

    /// <summary>Makes the buffers.</summary>
    /// <param name="identity">For whom the thread acts.</param>
    /// <param name="metrics">What it counts.</param>
    public Request(ThreadIdentity identity, Metrics metrics)
    {
        Identity = identity;
        Metrics = metrics;
        // SAFETY: both arrays are pinned for as long as this object holds them.
        _in = (byte*)Unsafe.AsPointer(ref _input[0]);
        _out = (byte*)Unsafe.AsPointer(ref _output[0]);
    }

    /// <summary>For whom the thread acts.</summary>
    public ThreadIdentity Identity { get; }

    /// <summary>What the thread counts.</summary>
    public Metrics Metrics { get; }

    /// <summary>The header; valid when <see cref="Begin"/> said so.</summary>
    public ref readonly InHeader Header => ref _header;

    /// <summary>Bytes that an answer may have behind its header.</summary>
    public int Room { get; private set; }

    /// <summary>Whether the answer's bytes are in the guest's memory already.</summary>
    public bool IsDirect { get; private set; }

    /// <summary>The buffer of the answer.</summary>
    public byte* Output => _out;

    /// <summary>Makes room for the chains of a queue.</summary>
    public void Size(int segments)
    {
        if (_segments.Length >= segments) return;
        _segments = new IoSegment[segments];
        _vectors = new IoSegment[segments];
    }

    /// <summary>Where the queue puts a chain's segments.</summary>
    public Span<IoSegment> Segments => _segments;

    /// <summary>Copies a request out of a chain.</summary>
    /// <returns>0, or an errno for a request that is malformed; <see cref="Header"/> is as far as it goes then.</returns>
    public int Begin(in DescriptorChain chain)
    {
        _chain = chain;
        _header = default;
        IsDirect = false;
        _cursor = _length = 0;
        Room = (int)Math.Min(Math.Max((long)chain.WritableBytes - sizeof(OutHeader), 0), int.MaxValue);
        if (chain.ReadableBytes < sizeof(InHeader)) return FuseSpec.EINVAL;
        Gather(0, sizeof(InHeader));
        _header = Unsafe.ReadUnaligned<InHeader>(_in);
        if (_header.Length < sizeof(InHeader) || _header.Length > chain.ReadableBytes) return FuseSpec.EINVAL;
        long rest = _header.Length - sizeof(InHeader);
        if (_header.Opcode == FuseOpcode.Write) rest = Math.Min(rest, sizeof(TransferIn));
        if (rest > MaxInput) return FuseSpec.EINVAL;
        Gather(sizeof(InHeader), (int)rest);
        _length = (int)rest;
        return 0;
    }

    /// <summary>The next structure of the request.</summary>
    /// <returns>False when the request is too short.</returns>
    public bool TryTake<T>(out T value) where T : unmanaged
    {
        value = default;
        if (_length - _cursor < sizeof(T)) return false;
        value = Unsafe.ReadUnaligned<T>(_in + _cursor);
        _cursor += sizeof(T);
        return true;
    }

    /// <summary>The next text of the request, which ends with a NUL.</summary>
    /// <param name="text">Its first byte; valid until the next request.</param>
    /// <param name="length">Its bytes without the NUL.</param>
    public bool TryTakeText(out byte* text, out int length)
    {
        text = _in + _cursor;
        length = new ReadOnlySpan<byte>(text, _length - _cursor).IndexOf((byte)0);
        if (length < 0) return false;
        _cursor += length + 1;
        return true;
    }

    /// <summary>The next text, which has to be a name (<see cref="FuseName"/>).</summary>
    /// <returns>0 or an errno.</returns>
    public int TakeName(out byte* name, out int length) =>
        TryTakeText(out name, out length) ? FuseName.Check(new ReadOnlySpan<byte>(name, length)) : FuseSpec.EINVAL;

    /// <summary>The next bytes of the request.</summary>
    public bool TryTakeBytes(long count, out byte* bytes)
    {
        bytes = _in + _cursor;
        if (count > _length - _cursor) return false;
        _cursor += (int)count;
        return true;
    }

    /// <summary>The answer as a structure, with zeros in it.</summary>
    public ref T Answer<T>() where T : unmanaged
    {
        // SAFETY: every structure is smaller than the buffer, which is aligned as an array is.
        ref T answer = ref Unsafe.AsRef<T>(_out);
        answer = default;
        return ref answer;
    }

    /// <summary>The pages for the bytes of a file that is read.</summary>
    /// <param name="size">Bytes wanted; less where there is less room.</param>
    /// <param name="count">Number of iovecs.</param>
    public IoSegment[] ReadVectors(uint size, out int count)
    {
        uint length = (uint)Math.Min(Math.Min(size, MaxTransfer), (uint)Room);
        count = Vectors(_segments.AsSpan(_chain.Readable, _chain.Writable), (uint)sizeof(OutHeader), length);
        IsDirect = true;
        return _vectors;
    }

    /// <summary>The pages with the bytes of a file that is written.</summary>
    /// <param name="size">Bytes to write, which have to be there.</param>
    /// <param name="count">Number of iovecs; -1 when the request has fewer bytes.</param>
    public IoSegment[] WriteVectors(uint size, out int count)
    {
        uint before = (uint)(sizeof(InHeader) + sizeof(TransferIn));
        count = _header.Length - before < size ? -1 : Vectors(_segments.AsSpan(0, _chain.Readable), before, Math.Min(size, MaxTransfer));
        return _vectors;
    }

    /// <summary>Writes the answer.</summary>
    /// <param name="result">Bytes of the answer behind its header, a negative errno, or <see cref="NoAnswer"/>.</param>
    /// <returns>Bytes written in all.</returns>
    public uint End(int result)
    {
        if (result == NoAnswer || _chain.WritableBytes < sizeof(OutHeader)) return 0;
        OutHeader header;
        header.Unique = _header.Unique;
        header.Error = result < 0 ? result : 0;
        header.Length = (uint)(sizeof(OutHeader) + Math.Max(result, 0));
        if (result > 0 && !IsDirect) Scatter(_out, result, sizeof(OutHeader));
        Scatter((byte*)&header, sizeof(OutHeader), 0);
        return header.Length;
    }

    private int Vectors(ReadOnlySpan<IoSegment> segments, uint skip, uint length)
    {
        int count = 0;
        foreach (IoSegment segment in segments)
        {
            if (length == 0 || count == MaxVectors) break;
            if (skip >= segment.Length)
            {
                skip -= (uint)segment.Length;
                continue;
            }

            uint part = (uint)Math.Min(segment.Length - skip, length);
            // SAFETY: inside of the segment, as skip and part are.
            _vectors[count++] = new IoSegment(segment.Address + skip, part);
            skip = 0;
            length -= part;
        }

        return count;
    }

    /// <summary>Copies bytes out of the readable segments.</summary>
    private void Gather(int from, int length)
    {
        int count = Vectors(_segments.AsSpan(0, _chain.Readable), (uint)from, (uint)length);
        byte* target = _in;
        for (int i = 0; i < count; i++)
        {
            _vectors[i].Bytes.CopyTo(new Span<byte>(target, MaxInput - (int)(target - _in)));
            target += _vectors[i].Length;
        }

        // A request in more pieces than a system call takes is nothing that a driver makes; what is missing are zeros.
        new Span<byte>(target, length - (int)(target - _in)).Clear();
    }

    private void Scatter(byte* source, int length, int to)
    {
        int count = Vectors(_segments.AsSpan(_chain.Readable, _chain.Writable), (uint)to, (uint)length);
        for (int i = 0; i < count; i++)
        {
            new ReadOnlySpan<byte>(source, (int)_vectors[i].Length).CopyTo(_vectors[i].Bytes);
            source += _vectors[i].Length;
        }
    }
}
