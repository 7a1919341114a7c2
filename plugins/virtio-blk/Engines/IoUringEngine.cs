using System.Numerics;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.IoUring;
using Plugvisor.Plugins.VirtioBlk.Images;

namespace Plugvisor.Plugins.VirtioBlk.Engines;

/// <summary>
/// One io_uring for a queue. The doorbell and the wake-up are multishot polls in the same ring, so its thread waits in one place: a
/// single system call submits a batch, waits, and brings back completions, doorbells and wake-ups.
/// </summary>
internal sealed unsafe class IoUringEngine : BlockEngine
{
    // User data: a slot, or one of these with the generation of the doorbell above.
    private const ulong SpecialBit = 1UL << 63;
    private const ulong ControlTag = SpecialBit;
    private const ulong RemovalTag = SpecialBit | 1;
    private const ulong DoorbellTag = SpecialBit | 2;
    private const int GenerationShift = 8;

    private readonly IoUringRing _ring;
    private readonly bool _registered;
    private readonly int _file, _buffered;
    private readonly byte _fileFlags;
    private EventFd? _doorbell;
    private ulong _doorbellTag;
    private ulong _generation;

    /// <summary>Makes the ring.</summary>
    /// <param name="image">The image.</param>
    /// <param name="slots">The most operations in flight.</param>
    /// <exception cref="Linux.Errors.LinuxException">There is no io_uring here.</exception>
    public IoUringEngine(RawImage image, int slots)
    {
        // Room for each slot, the polls and their removal, so that the ring is never full.
        int entries = (int)BitOperations.RoundUpToPowerOf2((uint)slots + 8);
        try
        {
            _ring = IoUringRing.Create(entries, entries * 2);
        }
        catch
        {
            base.Dispose();
            throw;
        }

        _file = image.File.Descriptor;
        _buffered = image.Buffered?.Descriptor ?? _file;
        if (_ring.TryRegisterFiles([_file, _buffered]))
        {
            _registered = true;
            _fileFlags = IoUringEntry.FixedFile;
            _file = 0;
            _buffered = 1;
        }

        Arm(Control, ControlTag);
    }

    /// <inheritdoc/>
    public override bool HasEvents => _ring.HasEvents;

    /// <inheritdoc/>
    public override void Attach(EventFd doorbell)
    {
        if (ReferenceEquals(doorbell, _doorbell)) return;
        if (_doorbell is not null)
        {
            IoUringEntry* entry = Prepare(IoUringOperation.PollRemove, RemovalTag);
            entry->Address = _doorbellTag;
        }

        _doorbell = doorbell;
        _doorbellTag = DoorbellTag | (++_generation << GenerationShift);
        Arm(doorbell, _doorbellTag);
    }

    /// <inheritdoc/>
    public override void Submit(Request* request, int slot)
    {
        IoUringEntry* entry = Prepare(IoUringOperation.Nop, (ulong)(uint)slot);
        entry->Flags = _fileFlags;
        entry->Descriptor = request->Buffered ? _buffered : _file;
        switch (request->Operation)
        {
            case Operation.Read:
                SetTransfer(entry, request, IoUringOperation.Read, IoUringOperation.ReadVector);
                break;
            case Operation.Write:
                SetTransfer(entry, request, IoUringOperation.Write, IoUringOperation.WriteVector);
                if (request->Durable) entry->OperationFlags = LinuxFile.Durable;
                break;
            case Operation.Sync:
                entry->Operation = IoUringOperation.Sync;
                entry->OperationFlags = IoUringEntry.DataSync;
                break;
            case Operation.Punch:
                SetRange(entry, request, FileAllocation.PunchHole | FileAllocation.KeepSize);
                break;
            case Operation.Zero:
                SetRange(entry, request, FileAllocation.ZeroRange | FileAllocation.KeepSize);
                break;
        }
    }

    /// <inheritdoc/>
    public override void Kick()
    {
        if (_ring.Unsubmitted != 0 || _ring.NeedsEnter) _ring.Enter(0);
    }

    /// <inheritdoc/>
    public override bool TryTake(out int slot, out int result)
    {
        while (_ring.TryTake(out IoUringCompletion completion))
        {
            if ((completion.UserData & SpecialBit) == 0)
            {
                slot = (int)completion.UserData;
                result = completion.Result;
                return true;
            }

            // A poll that goes on needs no drain of its eventfd: it reports signals, not the level. The kernel may end one when
            // it had no room for its completion; a new one fires at once on what is not drained.
            if (completion.HasMore || completion.Result < 0) continue;
            if (completion.UserData == ControlTag) Rearm(Control, ControlTag);
            else if (completion.UserData == _doorbellTag) Rearm(_doorbell!, _doorbellTag);
        }

        slot = result = 0;
        return false;
    }

    /// <inheritdoc/>
    public override void Wait(long timeoutNanoseconds) => _ring.Enter(1, timeoutNanoseconds);

    /// <inheritdoc/>
    public override void Dispose()
    {
        // A closing ring lets go of its files some time later; this does it now.
        if (_registered) _ring.UnregisterFiles();
        _ring.Dispose();
        base.Dispose();
    }

    private static void SetTransfer(IoUringEntry* entry, Request* request, IoUringOperation single, IoUringOperation vectored)
    {
        entry->Offset = request->Offset;
        if (request->VectorCount == 1)
        {
            entry->Operation = single;
            entry->Address = (ulong)request->Vector->Address;
            entry->Length = (uint)request->Vector->Length;
        }
        else
        {
            entry->Operation = vectored;
            entry->Address = (ulong)request->Vector;
            entry->Length = (uint)request->VectorCount;
        }
    }

    private static void SetRange(IoUringEntry* entry, Request* request, FileAllocation mode)
    {
        entry->Operation = IoUringOperation.Allocate;
        entry->Offset = request->Offset;
        entry->Address = request->Length;
        entry->Length = (uint)mode;
    }

    private void Rearm(EventFd source, ulong tag)
    {
        source.Drain();
        Arm(source, tag);
    }

    private void Arm(EventFd source, ulong tag)
    {
        IoUringEntry* entry = Prepare(IoUringOperation.PollAdd, tag);
        entry->Descriptor = source.Descriptor;
        entry->Length = IoUringEntry.PollMulti;
        entry->OperationFlags = IoUringEntry.PollIn;
    }

    private IoUringEntry* Prepare(IoUringOperation operation, ulong tag)
    {
        IoUringEntry* entry = _ring.NextEntry();
        entry->Clear();
        entry->Operation = operation;
        entry->UserData = tag;
        return entry;
    }
}
