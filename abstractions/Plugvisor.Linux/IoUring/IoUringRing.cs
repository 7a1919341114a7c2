using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Memory;

namespace Plugvisor.Linux.IoUring;

/// <summary>
/// One io_uring. Made, used and disposed by one thread (where the kernel offers it, the ring is bound to that thread).
/// Entries that were taken with <see cref="NextEntry"/> go to the kernel with the next <see cref="Enter"/>.
/// </summary>
public sealed unsafe class IoUringRing : IDisposable
{
    private const uint FeatureSingleMap = 1 << 0;
    private const uint FeatureNoDrop = 1 << 1;
    private const uint FeatureSubmitStable = 1 << 2;
    private const uint FeatureTimeoutArgument = 1 << 8;
    private const uint FeatureResourceTags = 1 << 10;   // came with multishot polls, Linux 5.13
    private const uint FeaturesNeeded =
        FeatureSingleMap | FeatureNoDrop | FeatureSubmitStable | FeatureTimeoutArgument | FeatureResourceTags;

    private const long OffsetOfRings = 0;
    private const long OffsetOfEntries = 0x10000000;
    private const uint EnterGetEvents = 1 << 0;
    private const uint EnterTimeoutArgument = 1 << 3;
    private const uint EnterRegisteredRing = 1 << 4;
    private const uint RingFlagOverflow = 1 << 1;
    private const uint RingFlagTaskRun = 1 << 2;
    private const uint RegisterFilesOperation = 2;
    private const uint UnregisterFilesOperation = 3;
    private const uint RegisterRingsOperation = 20;
    private const uint UnregisterRingsOperation = 21;

    private const int EINTR = 4;
    private const int EAGAIN = 11;
    private const int EBUSY = 16;
    private const int EINVAL = 22;
    private const int ETIME = 62;

    private static readonly IoUringSetup[] s_flavours =
    [
        IoUringSetup.SingleIssuer | IoUringSetup.DeferTaskRun | IoUringSetup.TaskRunFlag | IoUringSetup.SubmitAll,
        IoUringSetup.CooperativeTaskRun | IoUringSetup.TaskRunFlag | IoUringSetup.SubmitAll,
        IoUringSetup.None,
    ];

    private readonly FileDescriptor _descriptor;
    private readonly MemoryMapping _rings;
    private readonly MemoryMapping _entryMemory;
    private readonly IoUringEntry* _entries;
    private readonly IoUringCompletion* _completions;
    private readonly uint* _kernelSubmissionHead;
    private readonly uint* _kernelSubmissionTail;
    private readonly uint* _kernelFlags;
    private readonly uint* _kernelCompletionHead;
    private readonly uint* _kernelCompletionTail;
    private readonly uint _submissionMask;
    private readonly uint _completionMask;
    private readonly uint _capacity;
    private uint _enterDescriptor;
    private uint _enterFlags = EnterGetEvents;
    private uint _tail;
    private uint _submitted;
    private uint _completionHead;
    private uint _completionTail;
    private bool _disposed;

    private IoUringRing(FileDescriptor descriptor, in IoUringParameters p)
    {
        _descriptor = descriptor;
        _enterDescriptor = (uint)descriptor.Value;
        nuint ringBytes = nuint.Max(
            p.SubmissionArray + p.SubmissionEntries * sizeof(uint),
            p.Completions + p.CompletionEntries * (nuint)sizeof(IoUringCompletion));
        const int protection = MemoryMapping.ReadWrite;
        _rings = MemoryMapping.Map(ringBytes, protection, MemoryMapping.Shared, descriptor.Value, OffsetOfRings, "io_uring rings");
        try
        {
            _entryMemory = MemoryMapping.Map(
                p.SubmissionEntries * (nuint)sizeof(IoUringEntry), protection, MemoryMapping.Shared, descriptor.Value,
                OffsetOfEntries, "io_uring entries");
        }
        catch
        {
            _rings.Dispose();
            throw;
        }

        // SAFETY: the kernel gave these offsets for the mapping just made; it lives as long as this object.
        byte* rings = (byte*)_rings.Address;
        _entries = (IoUringEntry*)_entryMemory.Address;
        _completions = (IoUringCompletion*)(rings + p.Completions);
        _kernelSubmissionHead = (uint*)(rings + p.SubmissionHead);
        _kernelSubmissionTail = (uint*)(rings + p.SubmissionTail);
        _kernelFlags = (uint*)(rings + p.SubmissionFlags);
        _kernelCompletionHead = (uint*)(rings + p.CompletionHead);
        _kernelCompletionTail = (uint*)(rings + p.CompletionTail);
        _submissionMask = *(uint*)(rings + p.SubmissionMask);
        _completionMask = *(uint*)(rings + p.CompletionMask);
        _capacity = p.SubmissionEntries;

        // Slot i of the index array always names entry i, so it is written once.
        uint* array = (uint*)(rings + p.SubmissionArray);
        for (uint i = 0; i < p.SubmissionEntries; i++) array[i] = i;
    }

    /// <summary>Submission entries that can be taken between two calls of <see cref="Enter"/>.</summary>
    public int Capacity => (int)_capacity;

    /// <summary>Entries taken and not yet given to the kernel.</summary>
    public int Unsubmitted => (int)(_tail - _submitted);

    /// <summary>Whether <see cref="Enter"/> or <see cref="TryTake"/> would find a completion now. Reads memory only.</summary>
    public bool HasEvents
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *_kernelCompletionTail) != _completionHead || NeedsEnter;
    }

    /// <summary>Whether the kernel holds completions that only <see cref="Enter"/> brings to the ring. Reads memory only.</summary>
    public bool NeedsEnter
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Volatile.Read(ref *_kernelFlags) & (RingFlagTaskRun | RingFlagOverflow)) != 0;
    }

    /// <summary>Makes a ring for the calling thread, with the best flags that the kernel knows.</summary>
    /// <param name="entries">Submission entries wanted; rounded up to a power of two, cut to the kernel's maximum.</param>
    /// <param name="completions">Completions that fit without the kernel's overflow list.</param>
    /// <exception cref="LinuxException">io_uring is forbidden, not there or too old; the caller falls back.</exception>
    public static IoUringRing Create(int entries, int completions)
    {
        int errno = EINVAL;
        foreach (IoUringSetup flavour in s_flavours)
        {
            IoUringParameters parameters = default;
            parameters.Flags = flavour | IoUringSetup.CompletionSize | IoUringSetup.Clamp;
            parameters.CompletionEntries = (uint)completions;
            nint descriptor = IoUringNative.Setup(IoUringNative.SetupNumber, (uint)entries, &parameters);
            if (descriptor < 0)
            {
                errno = Marshal.GetLastSystemError();
                if (errno == EINVAL) continue;   // a flag that this kernel does not know
                break;
            }

            var owner = new FileDescriptor((int)descriptor);
            try
            {
                if ((parameters.Features & FeaturesNeeded) != FeaturesNeeded) break;   // EINVAL: older than Linux 5.13
                var ring = new IoUringRing(owner, parameters);
                ring.RegisterSelf();
                return ring;
            }
            catch
            {
                owner.Dispose();
                throw;
            }
        }

        throw new LinuxException("io_uring_setup", errno);
    }

    /// <summary>
    /// Registers descriptors, so that entries with <see cref="IoUringEntry.FixedFile"/> name them by index and the kernel does not look them up each time.
    /// </summary>
    /// <returns>False when the kernel refuses; use plain descriptors then.</returns>
    public bool TryRegisterFiles(ReadOnlySpan<int> descriptors)
    {
        // SAFETY: pinned for the call, which copies.
        fixed (int* first = descriptors)
            return Register(RegisterFilesOperation, first, (uint)descriptors.Length) >= 0;
    }

    /// <summary>Lets go of the registered files at once; a closing ring would keep them open for a while.</summary>
    public void UnregisterFiles() => Register(UnregisterFilesOperation, null, 0);

    /// <summary>
    /// The next free submission entry, not cleared: the caller writes every field. Goes to the kernel with the next
    /// <see cref="Enter"/>, and enters by itself when the ring is full.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public IoUringEntry* NextEntry()
    {
        if (_tail - _submitted >= _capacity) MakeRoom();
        return _entries + (_tail++ & _submissionMask);
    }

    /// <summary>
    /// Submits what was taken and, when asked, waits for completions. May come back with fewer than asked (a signal, a timeout,
    /// a full kernel), so callers look at the completions and decide anew. Takes care of EINTR.
    /// </summary>
    /// <param name="minimum">Completions to wait for; 0 does not wait.</param>
    /// <param name="timeoutNanoseconds">Bound for the wait; negative for none.</param>
    /// <exception cref="LinuxException">The ring is unusable.</exception>
    public void Enter(uint minimum, long timeoutNanoseconds = -1)
    {
        // Release: the kernel reads the entries up to this tail.
        Volatile.Write(ref *_kernelSubmissionTail, _tail);
        Volatile.Write(ref *_kernelCompletionHead, _completionHead);
        while (true)
        {
            nint done;
            if (minimum == 0 || timeoutNanoseconds < 0)
            {
                done = IoUringNative.Enter(
                    IoUringNative.EnterNumber, _enterDescriptor, _tail - _submitted, minimum, _enterFlags, null, 0);
            }
            else
            {
                (long Seconds, long Nanoseconds) time = (timeoutNanoseconds / 1_000_000_000, timeoutNanoseconds % 1_000_000_000);
                IoUringWaitArgument argument = default;
                argument.Time = (ulong)&time;
                done = IoUringNative.Enter(
                    IoUringNative.EnterNumber, _enterDescriptor, _tail - _submitted, minimum, _enterFlags | EnterTimeoutArgument,
                    &argument, (nuint)sizeof(IoUringWaitArgument));
            }

            if (done >= 0)
            {
                _submitted += (uint)done;
                return;
            }

            int errno = Marshal.GetLastSystemError();
            // The kernel may have taken entries and then failed to wait; its head says how many.
            _submitted = Volatile.Read(ref *_kernelSubmissionHead);
            switch (errno)
            {
                case EINTR:
                    continue;
                case ETIME or EAGAIN or EBUSY:
                    return;   // no memory or no room now: take completions, then enter again
                default:
                    throw new LinuxException("io_uring_enter", errno);
            }
        }
    }

    /// <summary>Takes the next completion.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(out IoUringCompletion completion)
    {
        if (_completionHead == _completionTail)
        {
            // The slots taken so far go back to the kernel; acquire: the entries before this tail are written.
            Volatile.Write(ref *_kernelCompletionHead, _completionHead);
            _completionTail = Volatile.Read(ref *_kernelCompletionTail);
            if (_completionHead == _completionTail)
            {
                completion = default;
                return false;
            }
        }

        completion = _completions[_completionHead++ & _completionMask];
        return true;
    }

    /// <summary>Closes the ring. The caller has taken the completions of everything that touches memory.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        if ((_enterFlags & EnterRegisteredRing) != 0)
        {
            var update = new IoUringResourceUpdate { Offset = _enterDescriptor };
            Register(UnregisterRingsOperation, &update, 1);
        }

        _entryMemory.Dispose();
        _rings.Dispose();
        _descriptor.Dispose();
    }

    private void MakeRoom()
    {
        Enter(0);
        if (_tail - _submitted >= _capacity)
            throw new InvalidOperationException("the io_uring is full: its owner keeps more in flight than it has room for");
    }

    /// <summary>Registers the ring's own descriptor with this thread: a lookup less for each call (Linux 5.18).</summary>
    private void RegisterSelf()
    {
        var update = new IoUringResourceUpdate { Offset = uint.MaxValue, Data = (ulong)_descriptor.Value };
        if (Register(RegisterRingsOperation, &update, 1) != 1) return;
        _enterDescriptor = update.Offset;
        _enterFlags |= EnterRegisteredRing;
    }

    private nint Register(uint operation, void* argument, uint count) =>
        IoUringNative.Register(IoUringNative.RegisterNumber, (uint)_descriptor.Value, operation, argument, count);

    /// <summary><c>struct io_uring_getevents_arg</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct IoUringWaitArgument
    {
        [FieldOffset(16)] public ulong Time;
    }

    /// <summary><c>struct io_uring_rsrc_update</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct IoUringResourceUpdate
    {
        [FieldOffset(0)] public uint Offset;
        [FieldOffset(8)] public ulong Data;
    }
}
