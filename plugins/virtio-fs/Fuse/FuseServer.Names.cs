using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Names: looking up, making, removing, moving.
internal sealed unsafe partial class FuseServer
{
    private const uint RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2;   // RENAME_WHITEOUT would make a device node
    private const int MaxLinkTarget = 4095;

    private int Lookup(Request request)
    {
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = Entry(request, directory, name, length);
        _inodes.Unpin(directory);
        return result;
    }

    private int Forget(Request request)
    {
        if (request.TryTake(out ulong lookups)) _inodes.Forget(request.Header.NodeId, lookups);
        return Request.NoAnswer;
    }

    private int BatchForget(Request request)
    {
        if (!request.TryTake(out MkDirIn count)) return Request.NoAnswer;   // count and a dummy
        for (uint i = 0; i < count.Mode && request.TryTake(out ForgetOne one); i++) _inodes.Forget(one.NodeId, one.Lookups);
        return Request.NoAnswer;
    }

    private int ReadLink(Request request)
    {
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        byte empty = 0;
        int result = inode.Type == FuseSpec.S_IFLNK
            ? TreeCalls.ReadLink(inode.Descriptor, &empty, request.Output, Math.Min(request.Room, MaxLinkTarget + 1))
            : -FuseSpec.EINVAL;
        _inodes.Unpin(inode);
        return result;
    }

    private int SymLink(Request request)
    {
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        // Any text: the guest follows it, in its own tree.
        if (!request.TryTakeText(out byte* target, out int targetLength)) return -FuseSpec.EINVAL;
        if (targetLength > MaxLinkTarget) return -FuseSpec.ENAMETOOLONG;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = TreeCalls.MakeLink(target, directory.Descriptor, name);
        if (result >= 0) result = Entry(request, directory, name, length);
        _inodes.Unpin(directory);
        return result;
    }

    private int MkNod(Request request)
    {
        if (!request.TryTake(out MkNodIn node)) return -FuseSpec.EINVAL;
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        // A device node would be one of the host's devices, for whoever opens it there.
        if ((node.Mode & FuseSpec.S_IFMT) is not (FuseSpec.S_IFREG or FuseSpec.S_IFIFO or FuseSpec.S_IFSOCK or 0)) return -FuseSpec.EPERM;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = TreeCalls.MakeNode(directory.Descriptor, name, node.Mode & (FuseSpec.S_IFMT | FuseSpec.Permissions), 0);
        if (result >= 0) result = Entry(request, directory, name, length);
        _inodes.Unpin(directory);
        return result;
    }

    private int MkDir(Request request)
    {
        if (!request.TryTake(out MkDirIn make)) return -FuseSpec.EINVAL;
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = TreeCalls.MakeDirectory(directory.Descriptor, name, make.Mode & FuseSpec.Permissions);
        if (result >= 0) result = Entry(request, directory, name, length);
        _inodes.Unpin(directory);
        return result;
    }

    private int Remove(Request request, int flags)
    {
        int error = request.TakeName(out byte* name, out _);
        if (error != 0) return -error;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0) return -error;
        int result = TreeCalls.Remove(directory.Descriptor, name, flags);
        _inodes.Unpin(directory);
        return result;
    }

    private int Rename(Request request)
    {
        Rename2In rename = default;
        bool taken = request.Header.Opcode == FuseOpcode.Rename2 ? request.TryTake(out rename) : request.TryTake(out rename.NewDirectory);
        if (!taken) return -FuseSpec.EINVAL;
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        error = request.TakeName(out byte* newName, out int newLength);
        if (error != 0) return -error;
        if (rename.Flags is not (0 or RENAME_NOREPLACE or RENAME_EXCHANGE)) return -FuseSpec.EINVAL;
        error = _inodes.Pin(request.Header.NodeId, out Inode from);
        if (error != 0) return -error;
        error = _inodes.Pin(rename.NewDirectory, out Inode to);
        if (error != 0)
        {
            _inodes.Unpin(from);
            return -error;
        }

        int result = TreeCalls.Rename(from.Descriptor, name, to.Descriptor, newName, rename.Flags);
        if (result >= 0)
        {
            _inodes.Moved(to, newName, newLength);
            if (rename.Flags == RENAME_EXCHANGE) _inodes.Moved(from, name, length);
        }

        _inodes.Unpin(to);
        _inodes.Unpin(from);
        return result;
    }

    private int Link(Request request)
    {
        if (!request.TryTake(out ulong old)) return -FuseSpec.EINVAL;
        int error = request.TakeName(out byte* name, out int length);
        if (error != 0) return -error;
        error = _inodes.Pin(old, out Inode inode);
        if (error != 0) return -error;
        error = _inodes.Pin(request.Header.NodeId, out Inode directory);
        if (error != 0)
        {
            _inodes.Unpin(inode);
            return -error;
        }

        byte* path = stackalloc byte[ProcPath.Length];
        ProcPath.Write(path, inode.Descriptor);
        // Follows our own link in /proc to that very inode, and no other: a symbolic link gets a second name itself.
        int result = TreeCalls.Link(TreeCalls.NoDirectory, path, directory.Descriptor, name, TreeCalls.Follow);
        if (result >= 0) result = Entry(request, directory, name, length);
        _inodes.Unpin(directory);
        _inodes.Unpin(inode);
        return result;
    }

    /// <summary>Answers what a name is, which the guest then knows.</summary>
    private int Entry(Request request, Inode directory, byte* name, int length)
    {
        int error = _inodes.Lookup(directory, name, length, out TreeStatus status, out ulong nodeId);
        if (error != 0) return -error;
        SetEntry(ref request.Answer<EntryOut>(), nodeId, status);
        return sizeof(EntryOut);
    }

    private void SetEntry(ref EntryOut entry, ulong nodeId, in TreeStatus status)
    {
        entry.NodeId = nodeId;
        entry.Generation = 0;
        entry.EntryValid = entry.AttributesValid = _valid;
        entry.EntryValidNanoseconds = entry.AttributesValidNanoseconds = 0;
        entry.Attributes.Set(status, Number(status));
    }

    /// <summary>
    /// The inode number that the guest sees: the host's, for the shared directory's own filesystem. Other filesystems mounted inside can have the same numbers, which
    /// would look like one file with several names.
    /// </summary>
    private ulong Number(in TreeStatus status) =>
        status.Device == _inodes.Root.Key.Device ? status.Inode : status.Inode ^ (status.Device * 0x9e3779b97f4a7c15) << 48;
}
