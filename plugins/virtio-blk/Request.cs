using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>
/// One guest request while it is served. Lives in native memory (<see cref="RequestPool"/>), so that pointers into it can be given to the
/// kernel and nothing on the data path is allocated. Touched by its queue's thread only.
/// </summary>
internal unsafe struct Request
{
    /// <summary>The slot's own segments, into which its chain is taken.</summary>
    public IoSegment* Segments;

    /// <summary>What is left of the guest's data buffers, in <see cref="Segments"/>.</summary>
    public IoSegment* Data;

    /// <summary>Iovecs of the operation under way: <see cref="Data"/>, or <see cref="BounceVector"/>.</summary>
    public IoSegment* Vector;

    /// <summary>The piece of the bounce buffer that the operation under way uses.</summary>
    public IoSegment BounceVector;

    /// <summary>Where the status byte goes, in guest memory.</summary>
    public byte* Status;

    /// <summary>Offset in the file of the operation under way.</summary>
    public ulong Offset;

    /// <summary>Bytes of an operation on a range.</summary>
    public ulong Length;

    /// <summary>When the request was taken from the ring, as <see cref="System.Diagnostics.Stopwatch"/> counts.</summary>
    public long Started;

    /// <summary>Bytes to report as written, from the start of the writable buffers.</summary>
    public uint Written;

    /// <summary>Bytes of the guest's data buffers.</summary>
    public uint DataBytes;

    /// <summary>Bytes of them that are not yet transferred.</summary>
    public uint DataLeft;

    /// <summary>Bytes that the operation under way is to transfer.</summary>
    public uint Wanted;

    /// <summary>Segments at <see cref="Data"/>.</summary>
    public int DataCount;

    /// <summary>Iovecs at <see cref="Vector"/>.</summary>
    public int VectorCount;

    /// <summary>The next slot of the list that this one is in, or -1.</summary>
    public int Next;

    /// <summary>The chain's token.</summary>
    public ushort Head;

    /// <summary>Ranges of a discard or write-zeroes, and the one under way.</summary>
    public ushort RangeCount, RangeIndex;

    /// <summary>What the guest asked for.</summary>
    public RequestKind Kind;

    /// <summary>What the engine does for it now.</summary>
    public Operation Operation;

    /// <summary>How often the kernel asked to try the operation again.</summary>
    public byte Retries;

    /// <summary>Writes are to be on stable storage when they complete.</summary>
    public bool Durable;

    /// <summary>Goes through the page cache in spite of O_DIRECT.</summary>
    public bool Buffered;

    /// <summary>Goes through the slot's bounce buffer.</summary>
    public bool Bounced;

    /// <summary>The slot is taken.</summary>
    public bool InFlight;

    /// <summary>It was in flight already when stalled requests were looked for last.</summary>
    public bool Seen;
}
