using System.Runtime.InteropServices;

namespace Plugvisor.Linux.IoUring;

/// <summary><c>struct io_uring_params</c> with its two offset tables, 120 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct IoUringParameters
{
    [FieldOffset(0)] public uint SubmissionEntries;
    [FieldOffset(4)] public uint CompletionEntries;
    [FieldOffset(8)] public IoUringSetup Flags;
    [FieldOffset(20)] public uint Features;

    // struct io_sqring_offsets
    [FieldOffset(40)] public uint SubmissionHead;
    [FieldOffset(44)] public uint SubmissionTail;
    [FieldOffset(48)] public uint SubmissionMask;
    [FieldOffset(56)] public uint SubmissionFlags;
    [FieldOffset(64)] public uint SubmissionArray;

    // struct io_cqring_offsets
    [FieldOffset(80)] public uint CompletionHead;
    [FieldOffset(84)] public uint CompletionTail;
    [FieldOffset(88)] public uint CompletionMask;
    [FieldOffset(100)] public uint Completions;
}
