using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Which files have a descriptor: those used last, as many as the budget allows.
internal sealed unsafe partial class InodeTable
{
    /// <summary>How deep directories without a descriptor may be nested to be found again.</summary>
    private const int MaxDepth = 256;

    /// <summary>What <see cref="PinOpen"/> says of a file without a descriptor; no errno.</summary>
    private const int NoDescriptor = -1;

    /// <summary>Descriptors that are closed at once when there are none left.</summary>
    private const int Batch = 16;

    private const int PathFlags = FuseSpec.O_PATH | FuseSpec.O_NOFOLLOW | FuseSpec.O_CLOEXEC;

    /// <summary>Files with a descriptor. Those in the second list have no name any more, so that they could not be found again.</summary>
    private readonly InodeList _open = new(), _nameless = new();

    /// <summary>Takes a descriptor from the budget, if need be one that an inode of this table has.</summary>
    public bool TryTakeDescriptor()
    {
        if (_budget.TryTake()) return true;
        CloseSome();
        return _budget.TryTake();
    }

    /// <summary>
    /// Gives a file its descriptor back: up to the first directory that has one, and down again from there. The guest decides how deep that is, so the
    /// thread's stack must not.
    /// </summary>
    /// <returns>0 or an errno. With 0 it may be without one still, when another thread was in the way: the caller tries again.</returns>
    private int Reopen(ulong nodeId)
    {
        ulong* path = stackalloc ulong[MaxDepth];
        int depth = 0;
        Inode directory;
        for (ulong at = nodeId; ;)
        {
            int error = PinOpen(at, out directory);
            if (error == 0) break;
            if (error != NoDescriptor) return error;
            if (depth == MaxDepth) return FuseSpec.ESTALE;
            path[depth++] = at;
            lock (_lock)
            {
                if (Find(at) is not { } inode || inode.NodeId != at) return FuseSpec.ESTALE;
                at = inode.Parent;
            }
        }

        int result = 0;
        while (depth > 0 && result == 0)
        {
            result = Reopen(directory, path[--depth]);
            if (result != 0 || depth == 0) break;
            int error = PinOpen(path[depth], out Inode next);
            if (error != 0)
            {
                result = error == NoDescriptor ? 0 : error;
                break;
            }

            Unpin(directory);
            directory = next;
        }

        Unpin(directory);
        return result;
    }

    /// <summary>Gives a file its descriptor back, whose directory is pinned.</summary>
    private int Reopen(Inode directory, ulong nodeId)
    {
        byte* name = stackalloc byte[FuseName.MaxLength + 1];
        InodeKey key;
        lock (_lock)
        {
            if (Find(nodeId) is not { } inode || inode.NodeId != nodeId) return FuseSpec.ESTALE;
            if (inode.IsOpen || inode.Parent != directory.NodeId) return 0;   // another thread was faster, or has moved it
            inode.Name.AsSpan(0, inode.NameLength + 1).CopyTo(new Span<byte>(name, FuseName.MaxLength + 1));
            key = inode.Key;
        }

        int descriptor = OpenPath(directory.Descriptor, name);
        if (descriptor < 0) return -descriptor is FuseSpec.ENFILE or FuseSpec.EMFILE ? FuseSpec.ENFILE : FuseSpec.ESTALE;
        TreeStatus now;
        byte empty = 0;
        bool same = TreeCalls.Status(descriptor, &empty, TreeCalls.EmptyPath, &now) >= 0 && InodeKey.Of(now) == key;
        lock (_lock)
        {
            if (same && Find(nodeId) is { IsOpen: false } inode && inode.NodeId == nodeId)
            {
                inode.Open(descriptor, pins: 0);
                _open.Append(inode);
                return 0;
            }
        }

        Discard(descriptor);
        return same ? 0 : FuseSpec.ESTALE;   // another thread was faster, or another file is there
    }

    /// <summary>Opens a name for its identity; asks the budget.</summary>
    private int OpenPath(int directory, byte* name)
    {
        if (!TryTakeDescriptor()) return -FuseSpec.ENFILE;
        int descriptor = TreeCalls.OpenBeneath(directory, name, PathFlags, 0);
        if (descriptor < 0) _budget.Return();
        return descriptor;
    }

    private void Discard(int descriptor)
    {
        _ = TreeCalls.Close(descriptor);
        _budget.Return();
    }

    /// <summary>
    /// Closes descriptors that were not used since the last time round. A file without a name could not be found again, so that these are left, unless
    /// there is nothing else.
    /// </summary>
    private void CloseSome()
    {
        lock (_lock)
        {
            if (!TryCloseSome(_open)) TryCloseSome(_nameless);
        }
    }

    private bool TryCloseSome(InodeList list)
    {
        int closed = 0;
        // Twice round at most: the first time may only find that all were used.
        for (int looks = 2 * list.Count; looks > 0 && closed < Batch && list.Oldest is { } inode; looks--)
        {
            list.Remove(inode);
            bool stays = inode.IsRecent || inode.IsEnding;
            inode.IsRecent = false;
            if (!stays && list == _open && IsNameless(inode))
            {
                // Names do not come back, so it is looked at once: a guest may have very many of these.
                _nameless.Append(inode);
            }
            else if (!stays && inode.TryClose(out int descriptor))
            {
                Discard(descriptor);
                closed++;
            }
            else
            {
                list.Append(inode);
            }
        }

        return closed > 0;
    }
}
