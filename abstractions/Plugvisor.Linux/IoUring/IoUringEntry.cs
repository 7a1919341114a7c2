using System.Runtime.InteropServices;

namespace Plugvisor.Linux.IoUring;

/// <summary>A submission entry: <c>struct io_uring_sqe</c>, 64 bytes (include/uapi/linux/io_uring.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct IoUringEntry
{
    /// <summary>IOSQE_FIXED_FILE: <see cref="Descriptor"/> is an index into the registered files.</summary>
    public const byte FixedFile = 1;

    /// <summary>IORING_FSYNC_DATASYNC, for <see cref="OperationFlags"/>.</summary>
    public const uint DataSync = 1;

    /// <summary>IORING_POLL_ADD_MULTI, for <see cref="Length"/>: one completion for each wake-up until it is taken back.</summary>
    public const uint PollMulti = 1;

    /// <summary>POLLIN, for <see cref="OperationFlags"/>.</summary>
    public const uint PollIn = 1;

    /// <summary>What to do.</summary>
    [FieldOffset(0)] public IoUringOperation Operation;

    /// <summary>IOSQE_ bits.</summary>
    [FieldOffset(1)] public byte Flags;

    /// <summary>I/O priority and per-operation flags.</summary>
    [FieldOffset(2)] public ushort Priority;

    /// <summary>Descriptor, or index of a registered one.</summary>
    [FieldOffset(4)] public int Descriptor;

    /// <summary>Offset in the file.</summary>
    [FieldOffset(8)] public ulong Offset;

    /// <summary>Address of the buffer or of the iovecs.</summary>
    [FieldOffset(16)] public ulong Address;

    /// <summary>Bytes of the buffer or number of iovecs.</summary>
    [FieldOffset(24)] public uint Length;

    /// <summary>RWF_ bits, fsync flags or poll events, by operation.</summary>
    [FieldOffset(28)] public uint OperationFlags;

    /// <summary>Comes back in the completion.</summary>
    [FieldOffset(32)] public ulong UserData;

    /// <summary>Registered buffer, personality and the rest; zero here.</summary>
    [FieldOffset(40)] public ulong Reserved0;

    [FieldOffset(48)] private ulong _reserved1;
    [FieldOffset(56)] private ulong _reserved2;

    /// <summary>Clears everything: entries are reused by the ring.</summary>
    public void Clear() => this = default;
}
