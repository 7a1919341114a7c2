using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Attributes of files: status, modes, owners, times, extended attributes.
internal sealed unsafe partial class FuseServer
{
    private const uint WriteAccess = 2;   // W_OK
    private const uint Unchanged = uint.MaxValue;

    private static ReadOnlySpan<byte> AllowedAttributes => "user."u8;

    private int GetAttr(Request request)
    {
        if (!request.TryTake(out GetAttrIn get)) return -FuseSpec.EINVAL;
        if ((get.Flags & FuseSpec.FUSE_GETATTR_FH) != 0 && _handles.TryPin(get.Handle, isDirectory: false, out OpenFile? file))
        {
            int opened = Attr(request, file.Descriptor);
            _handles.Unpin(file);
            return opened;
        }

        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        int result = Attr(request, inode.Descriptor);
        _inodes.Unpin(inode);
        return result;
    }

    private int SetAttr(Request request)
    {
        if (!request.TryTake(out SetAttrIn set)) return -FuseSpec.EINVAL;
        OpenFile? file = null;
        if ((set.Valid & FuseSpec.FATTR_FH) != 0 && !_handles.TryPin(set.Handle, isDirectory: false, out file)) return -FuseSpec.EBADF;
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        int result = -error;
        if (error == 0)
        {
            result = Set(request, inode, file, set);
            if (result >= 0) result = Attr(request, inode.Descriptor);
            _inodes.Unpin(inode);
        }

        if (file is not null) _handles.Unpin(file);
        return result;
    }

    private static int Set(Request request, Inode inode, OpenFile? file, in SetAttrIn set)
    {
        byte empty = 0;
        int result = 0;
        if ((set.Valid & FuseSpec.FATTR_MODE) != 0)
        {
            // The mode of a symbolic link cannot be changed, and its path in /proc must not be followed to elsewhere.
            if (inode.Type == FuseSpec.S_IFLNK) return -FuseSpec.EOPNOTSUPP;
            byte* path = stackalloc byte[ProcPath.Length];
            ProcPath.Write(path, inode.Descriptor);
            result = TreeCalls.ChangeMode(TreeCalls.NoDirectory, path, set.Mode & FuseSpec.Permissions);
            if (result < 0) return result;
        }

        if ((set.Valid & (FuseSpec.FATTR_UID | FuseSpec.FATTR_GID)) != 0)
        {
            uint user = (set.Valid & FuseSpec.FATTR_UID) != 0 ? set.User : Unchanged, group = (set.Valid & FuseSpec.FATTR_GID) != 0 ? set.Group : Unchanged;
            result = TreeCalls.ChangeOwner(inode.Descriptor, &empty, user, group, TreeCalls.EmptyPath | TreeCalls.NoFollow);
            if (result < 0) return result;
        }

        if ((set.Valid & FuseSpec.FATTR_SIZE) != 0)
        {
            request.Identity.KeepSetIdBits((set.Valid & FuseSpec.FATTR_KILL_SUIDGID) == 0);
            result = Truncate(inode, file, set.Size);
            if (result < 0) return result;
        }

        if ((set.Valid & (FuseSpec.FATTR_ATIME | FuseSpec.FATTR_MTIME)) == 0) return result;
        TreeTime* times = stackalloc TreeTime[2];
        times[0] = Time(set.Valid, FuseSpec.FATTR_ATIME, FuseSpec.FATTR_ATIME_NOW, set.Accessed, set.AccessedNanoseconds);
        times[1] = Time(set.Valid, FuseSpec.FATTR_MTIME, FuseSpec.FATTR_MTIME_NOW, set.Modified, set.ModifiedNanoseconds);
        return TreeCalls.SetTimes(inode.Descriptor, &empty, times, TreeCalls.EmptyPath | TreeCalls.NoFollow);
    }

    private static int Truncate(Inode inode, OpenFile? file, ulong size)
    {
        if (!inode.IsRegular || size > long.MaxValue) return -FuseSpec.EINVAL;
        if (file is not null) return TreeCalls.Truncate(file.Descriptor, (long)size);
        int descriptor = ProcPath.Open(inode.Descriptor, FuseSpec.O_WRONLY | FuseSpec.O_CLOEXEC);
        if (descriptor < 0) return descriptor;
        int result = TreeCalls.Truncate(descriptor, (long)size);
        _ = TreeCalls.Close(descriptor);
        return result;
    }

    private static TreeTime Time(uint valid, uint bit, uint now, long seconds, uint nanoseconds)
    {
        if ((valid & bit) == 0) return new TreeTime(0, TreeCalls.TimeOmit);
        return (valid & now) != 0 ? new TreeTime(0, TreeCalls.TimeNow) : new TreeTime(seconds, nanoseconds);
    }

    private int Attr(Request request, int descriptor)
    {
        TreeStatus status;
        byte empty = 0;
        int result = TreeCalls.Status(descriptor, &empty, TreeCalls.EmptyPath, &status);
        if (result < 0) return result;
        ref AttrOut answer = ref request.Answer<AttrOut>();
        answer.Valid = _valid;
        answer.Attributes.Set(status, Number(status));
        return sizeof(AttrOut);
    }

    private int Access(Request request)
    {
        if (!request.TryTake(out XAttrIn access)) return -FuseSpec.EINVAL;   // the mask and a padding
        if (_readOnly && (access.Size & WriteAccess) != 0) return -FuseSpec.EROFS;
        // The guest's kernel looks at modes itself.
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        _inodes.Unpin(inode);
        return 0;
    }

    private int StatFs(Request request)
    {
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        VolumeStatus status;
        int result = TreeCalls.VolumeStatus(inode.Descriptor, &status);
        _inodes.Unpin(inode);
        if (result < 0) return result;
        ref StatFsOut answer = ref request.Answer<StatFsOut>();
        (answer.Blocks, answer.Free, answer.Available) = (status.Blocks, status.Free, status.Available);
        (answer.Files, answer.FreeFiles) = (status.Files, status.FreeFiles);
        (answer.BlockSize, answer.FragmentSize, answer.NameLength) = ((uint)status.BlockSize, (uint)status.FragmentSize, (uint)status.NameLength);
        return sizeof(StatFsOut);
    }

    private int SyncFs(Request request)
    {
        if (_readOnly) return 0;
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        int result = 0;
        if (inode.IsDirectory || inode.IsRegular)
        {
            int descriptor = ProcPath.Open(inode.Descriptor, FuseSpec.O_RDONLY | FuseSpec.O_CLOEXEC);
            result = descriptor;
            if (descriptor >= 0)
            {
                result = TreeCalls.SyncTree(descriptor);
                _ = TreeCalls.Close(descriptor);
            }
        }

        _inodes.Unpin(inode);
        return result;
    }

    private int SetXAttr(Request request)
    {
        if (!request.TryTake(out XAttrIn set)) return -FuseSpec.EINVAL;
        if (!request.TryTakeText(out byte* name, out int length) || !request.TryTakeBytes(set.Size, out byte* value)) return -FuseSpec.EINVAL;
        if (!IsAllowed(name, length)) return -FuseSpec.EOPNOTSUPP;
        int error = PinWithAttributes(request, out Inode inode);
        if (error != 0) return -error;
        byte* path = stackalloc byte[ProcPath.Length];
        ProcPath.Write(path, inode.Descriptor);
        int result = TreeCalls.SetAttribute(path, name, value, (int)set.Size, (int)set.Flags);
        _inodes.Unpin(inode);
        return result;
    }

    private int GetXAttr(Request request)
    {
        if (!request.TryTake(out XAttrIn get) || !request.TryTakeText(out byte* name, out int length)) return -FuseSpec.EINVAL;
        if (!IsAllowed(name, length)) return -FuseSpec.ENODATA;
        // The system call would take no room for the question how much is needed.
        if (get.Size != 0 && request.Room == 0) return -FuseSpec.ERANGE;
        int error = PinWithAttributes(request, out Inode inode);
        if (error != 0) return -error;
        byte* path = stackalloc byte[ProcPath.Length];
        ProcPath.Write(path, inode.Descriptor);
        int room = get.Size == 0 ? 0 : (int)Math.Min(Math.Min(get.Size, Request.MaxOutput), (uint)request.Room);
        int result = TreeCalls.GetAttribute(path, name, request.Output, room);
        _inodes.Unpin(inode);
        if (result < 0 || get.Size != 0) return result;
        return Size(request, result);
    }

    private int ListXAttr(Request request)
    {
        if (!request.TryTake(out XAttrIn list)) return -FuseSpec.EINVAL;
        int error = PinWithAttributes(request, out Inode inode);
        if (error != 0) return -error;
        byte* path = stackalloc byte[ProcPath.Length];
        ProcPath.Write(path, inode.Descriptor);
        int result = TreeCalls.ListAttributes(path, request.Output, Request.MaxOutput);
        _inodes.Unpin(inode);
        if (result < 0) return result;
        result = KeepAllowed(new Span<byte>(request.Output, result));
        if (list.Size == 0) return Size(request, result);
        return result <= Math.Min(list.Size, (uint)request.Room) ? result : -FuseSpec.ERANGE;
    }

    private int RemoveXAttr(Request request)
    {
        if (!request.TryTakeText(out byte* name, out int length)) return -FuseSpec.EINVAL;
        if (!IsAllowed(name, length)) return -FuseSpec.EOPNOTSUPP;
        int error = PinWithAttributes(request, out Inode inode);
        if (error != 0) return -error;
        byte* path = stackalloc byte[ProcPath.Length];
        ProcPath.Write(path, inode.Descriptor);
        int result = TreeCalls.RemoveAttribute(path, name);
        _inodes.Unpin(inode);
        return result;
    }

    /// <summary>
    /// Attributes of a guest's programs only. Those in <c>security.</c>, <c>trusted.</c> and <c>system.</c> mean something to the host: rights of a program that is
    /// run there, layers of its overlays.
    /// </summary>
    private static bool IsAllowed(byte* name, int length) =>
        length <= FuseName.MaxLength && new ReadOnlySpan<byte>(name, length).StartsWith(AllowedAttributes) && length > AllowedAttributes.Length;

    /// <summary>The file of the request, if it is of a kind that can have attributes of users.</summary>
    private int PinWithAttributes(Request request, out Inode inode)
    {
        int error = _inodes.Pin(request.Header.NodeId, out inode);
        if (error != 0 || inode.IsRegular || inode.IsDirectory) return error;
        _inodes.Unpin(inode);
        return FuseSpec.EOPNOTSUPP;
    }

    private static int KeepAllowed(Span<byte> names)
    {
        int kept = 0;
        while (!names[kept..].IsEmpty)
        {
            int end = names[kept..].IndexOf((byte)0) + 1;
            if (end == 0) return kept;
            if (names[kept..].StartsWith(AllowedAttributes))
            {
                kept += end;
                continue;
            }

            names[(kept + end)..].CopyTo(names[kept..]);
            names = names[..^end];
        }

        return kept;
    }

    private static int Size(Request request, int size)
    {
        if (request.Room < sizeof(XAttrIn)) return -FuseSpec.EINVAL;
        request.Answer<XAttrIn>().Size = (uint)size;
        return sizeof(XAttrIn);
    }
}
