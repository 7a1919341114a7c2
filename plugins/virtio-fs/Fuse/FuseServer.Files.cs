using Plugvisor.Linux.Trees;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Open files and their bytes.
internal sealed unsafe partial class FuseServer
{
    /// <summary>
    /// What a guest may ask for when it opens. Not O_DIRECT, as its pages need not be aligned for the host's disk; not O_NOATIME and what else only
    /// means something to the host.
    /// </summary>
    private const int TakenFlags = FuseSpec.O_ACCMODE | FuseSpec.O_APPEND | FuseSpec.O_SYNC | FuseSpec.O_DSYNC | FuseSpec.O_TRUNC;

    // Not O_NONBLOCK: only regular files are opened, and one with a lease of a program of the host would be EAGAIN instead of a wait until that lets go.
    private const int AddedFlags = FuseSpec.O_CLOEXEC | FuseSpec.O_NOCTTY;

    /// <summary>KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE of fallocate(2), which Linux asks a FUSE server for.</summary>
    private const uint AllocationModes = 1 | 2 | 16;

    /// <summary>The most bytes that one request copies, so that it ends soon; the guest asks again for the rest.</summary>
    private const ulong MaxCopy = 64 << 20;

    private const int SEEK_DATA = 3, SEEK_HOLE = 4;

    private int Open(Request request)
    {
        if (!request.TryTake(out OpenIn open)) return -FuseSpec.EINVAL;
        if (_readOnly && ChangesFile(open.Flags)) return -FuseSpec.EROFS;
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        request.Identity.KeepSetIdBits((open.OpenFlags & FuseSpec.FUSE_OPEN_KILL_SUIDGID) == 0);
        int descriptor = Reopen(inode, open.Flags);
        int result = descriptor < 0 ? descriptor : AddHandle(ref request.Answer<OpenOut>(), descriptor, inode.NodeId, isDirectory: false);
        _inodes.Unpin(inode);
        return result < 0 ? result : sizeof(OpenOut);
    }

    private int Create(Request request)
    {
        if (!request.TryTake(out CreateIn create)) return -FuseSpec.EINVAL;
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = Create(request, directory, name, length, create);
        _inodes.Unpin(directory);
        return result;
    }

    private int Create(Request request, Inode directory, byte* name, int length, in CreateIn create)
    {
        ref CreateOut answer = ref request.Answer<CreateOut>();
        if (!_inodes.TryTakeDescriptor()) return -FuseSpec.ENFILE;
        // Made new or not at all: what is there already may be a FIFO or a device, which opening would wait for or wake.
        int descriptor = TreeCalls.OpenBeneath(
            directory.Descriptor, name, (create.Flags & TakenFlags & ~FuseSpec.O_TRUNC) | FuseSpec.O_CREAT | FuseSpec.O_EXCL | FuseSpec.O_NOFOLLOW | AddedFlags,
            create.Mode & FuseSpec.Permissions);
        int error;
        TreeStatus status;
        ulong nodeId;
        if (descriptor >= 0)
        {
            error = _inodes.LookupOpen(directory, new ReadOnlySpan<byte>(name, length), descriptor, out status, out nodeId);
        }
        else
        {
            _budget.Return();
            if (descriptor != -FuseSpec.EEXIST || (create.Flags & FuseSpec.O_EXCL) != 0) return descriptor;
            request.Identity.Own();
            error = _inodes.Lookup(directory, name, length, out status, out nodeId);
            if (error != 0) return -error;
            error = _inodes.Pin(nodeId, out Inode inode);
            if (error == 0)
            {
                request.Identity.KeepSetIdBits((create.OpenFlags & FuseSpec.FUSE_OPEN_KILL_SUIDGID) == 0);
                descriptor = Reopen(inode, create.Flags);
                _inodes.Unpin(inode);
                if (descriptor < 0) error = -descriptor;
                else if ((create.Flags & FuseSpec.O_TRUNC) != 0) error = Refresh(descriptor, ref status);
            }

            if (error != 0 && descriptor < 0)
            {
                _inodes.Forget(nodeId, 1);
                return -error;
            }
        }

        if (error == 0)
        {
            int result = AddHandle(ref answer.Open, descriptor, nodeId, isDirectory: false);
            if (result >= 0)
            {
                SetEntry(ref answer.Entry, nodeId, status);
                return sizeof(CreateOut);
            }

            _inodes.Forget(nodeId, 1);
            return result;
        }

        _ = TreeCalls.Close(descriptor);
        _budget.Return();
        if (nodeId != 0) _inodes.Forget(nodeId, 1);
        return -error;
    }

    private static int Refresh(int descriptor, ref TreeStatus status)
    {
        TreeStatus now;
        byte empty = 0;
        int result = TreeCalls.Status(descriptor, &empty, TreeCalls.EmptyPath, &now);
        if (result >= 0) status = now;
        return -result;
    }

    /// <summary>Opens a file that the guest knows; asks the budget.</summary>
    private int Reopen(Inode inode, int flags)
    {
        // Nothing else has bytes that are the same for host and guest; a FIFO would block, a device would do something.
        if (!inode.IsRegular) return inode.IsDirectory ? -FuseSpec.EISDIR : -FuseSpec.ENXIO;
        if (!_inodes.TryTakeDescriptor()) return -FuseSpec.ENFILE;
        int descriptor = ProcPath.Open(inode.Descriptor, (flags & TakenFlags) | AddedFlags);
        if (descriptor < 0) _budget.Return();
        return descriptor;
    }

    /// <summary>Hands a descriptor to the guest; closes it when that cannot be.</summary>
    private int AddHandle(ref OpenOut answer, int descriptor, ulong nodeId, bool isDirectory)
    {
        ulong handle = _handles.Add(descriptor, nodeId, isDirectory);
        if (handle == 0)
        {
            _ = TreeCalls.Close(descriptor);
            _budget.Return();
            return -FuseSpec.ENFILE;
        }

        answer.Handle = handle;
        answer.Flags = isDirectory ? 0 : _openFlags;
        return 0;
    }

    private static bool ChangesFile(int flags) => (flags & FuseSpec.O_ACCMODE) != FuseSpec.O_RDONLY || (flags & FuseSpec.O_TRUNC) != 0;

    private int Read(Request request)
    {
        if (!request.TryTake(out TransferIn read) || read.Offset > long.MaxValue) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(read.Handle, isDirectory: false, out OpenFile? file)) return -FuseSpec.EBADF;
        IoSegment[] vectors = request.ReadVectors(read.Size, out int count);
        long result = 0;
        if (count > 0)
        {
            // SAFETY: segments are guest memory, checked by the queue, and laid out as struct iovec.
            fixed (IoSegment* first = vectors) result = TreeCalls.ReadVectors(file.Descriptor, first, count, (long)read.Offset);
        }

        _handles.Unpin(file);
        if (result > 0) request.Metrics.CountRead((ulong)result);
        return (int)result;
    }

    private int Write(Request request)
    {
        if (!request.TryTake(out TransferIn write) || write.Offset > long.MaxValue) return -FuseSpec.EINVAL;
        IoSegment[] vectors = request.WriteVectors(write.Size, out int count);
        if (count < 0) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(write.Handle, isDirectory: false, out OpenFile? file)) return -FuseSpec.EBADF;
        request.Identity.KeepSetIdBits((write.TransferFlags & FuseSpec.FUSE_WRITE_KILL_SUIDGID) == 0);
        long result = 0;
        if (count > 0)
        {
            // SAFETY: as for reading.
            fixed (IoSegment* first = vectors) result = TreeCalls.WriteVectors(file.Descriptor, first, count, (long)write.Offset);
        }

        _handles.Unpin(file);
        if (result < 0) return (int)result;
        request.Metrics.CountWrite((ulong)result);
        request.Answer<WriteOut>().Size = (uint)result;
        return sizeof(WriteOut);
    }

    private int Release(Request request, bool isDirectory)
    {
        if (!request.TryTake(out ReleaseIn release)) return -FuseSpec.EINVAL;
        return _handles.Remove(release.Handle, isDirectory) ? 0 : -FuseSpec.EBADF;
    }

    private int Flush(Request request)
    {
        if (!request.TryTake(out ReleaseIn flush)) return -FuseSpec.EINVAL;   // the handle is first in both
        if (!_handles.TryPin(flush.Handle, isDirectory: false, out OpenFile? file)) return -FuseSpec.EBADF;
        // Closing a copy is what makes a filesystem that sends at close send, and say how it went.
        int result = 0;
        if (_flushes)
        {
            result = TreeCalls.Duplicate(file.Descriptor);
            if (result >= 0) result = TreeCalls.Close(result);
        }

        _handles.Unpin(file);
        return result;
    }

    private int FSync(Request request, bool isDirectory)
    {
        if (!request.TryTake(out FSyncIn sync)) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(sync.Handle, isDirectory, out OpenFile? file)) return -FuseSpec.EBADF;
        int result = (sync.Flags & FuseSpec.FUSE_FSYNC_FDATASYNC) != 0 ? TreeCalls.SyncData(file.Descriptor) : TreeCalls.Sync(file.Descriptor);
        _handles.Unpin(file);
        return result;
    }

    private int FAllocate(Request request)
    {
        if (!request.TryTake(out FAllocateIn allocate)) return -FuseSpec.EINVAL;
        if ((allocate.Mode & ~AllocationModes) != 0) return -FuseSpec.EOPNOTSUPP;
        if (allocate.Offset > long.MaxValue || allocate.Length > long.MaxValue) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(allocate.Handle, isDirectory: false, out OpenFile? file)) return -FuseSpec.EBADF;
        int result = TreeCalls.Allocate(file.Descriptor, (int)allocate.Mode, (long)allocate.Offset, (long)allocate.Length);
        _handles.Unpin(file);
        return result;
    }

    private int LSeek(Request request)
    {
        if (!request.TryTake(out LSeekIn seek)) return -FuseSpec.EINVAL;
        // The guest keeps positions itself; it only asks where data and holes are.
        if (seek.Origin is not (SEEK_DATA or SEEK_HOLE) || seek.Offset > long.MaxValue) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(seek.Handle, isDirectory: false, out OpenFile? file)) return -FuseSpec.EBADF;
        long result = TreeCalls.Seek(file.Descriptor, (long)seek.Offset, seek.Origin);
        _handles.Unpin(file);
        if (result < 0) return (int)result;
        request.Answer<long>() = result;
        return sizeof(long);
    }

    private int CopyFileRange(Request request)
    {
        if (!request.TryTake(out CopyFileRangeIn copy) || copy.Flags != 0) return -FuseSpec.EINVAL;
        if (copy.Offset > long.MaxValue || copy.ToOffset > long.MaxValue) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(copy.Handle, isDirectory: false, out OpenFile? from)) return -FuseSpec.EBADF;
        if (!_handles.TryPin(copy.ToHandle, isDirectory: false, out OpenFile? to))
        {
            _handles.Unpin(from);
            return -FuseSpec.EBADF;
        }

        long result = TreeCalls.CopyRange(from.Descriptor, (long)copy.Offset, to.Descriptor, (long)copy.ToOffset, (nuint)Math.Min(copy.Length, MaxCopy));
        _handles.Unpin(to);
        _handles.Unpin(from);
        if (result < 0) return (int)result;
        request.Answer<WriteOut>().Size = (uint)result;
        return sizeof(WriteOut);
    }
}
