using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Which files have a descriptor: those used last, as many as the budget allows.
internal sealed unsafe partial class InodeTable
{
    /// <summary>How deep directories without a descriptor may be nested to be found again.</summary>
    private const int MaxDepth = 256;

    /// <summary>Descriptors that are closed at once when there are none left.</summary>
    private const int Batch = 16;

    private const int PathFlags = FuseSpec.O_PATH | FuseSpec.O_NOFOLLOW | FuseSpec.O_CLOEXEC;

    private Inode? _oldest, _newest;

    /// <summary>Takes a descriptor from the budget, if need be one that an inode of this table has.</summary>
    public bool TryTakeDescriptor()
    {
        if (_budget.TryTake()) return true;
        CloseSome();
        return _budget.TryTake();
    }

    /// <summary>Gives a file its descriptor back.</summary>
    private int Reopen(ulong nodeId, int depth)
    {
        if (depth == MaxDepth) return FuseSpec.ESTALE;
        byte* name = stackalloc byte[FuseName.MaxLength + 1];
        InodeKey key;
        ulong parent;
        lock (_lock)
        {
            if (Find(nodeId) is not { } inode || inode.NodeId != nodeId) return FuseSpec.ESTALE;
            if (inode.IsOpen) return 0;
            inode.Name.AsSpan(0, inode.NameLength + 1).CopyTo(new Span<byte>(name, FuseName.MaxLength + 1));
            (key, parent) = (inode.Key, inode.Parent);
        }

        int error = Pin(parent, depth + 1, out Inode directory);
        if (error != 0) return error;
        int descriptor = OpenPath(directory.Descriptor, name);
        Unpin(directory);
        if (descriptor < 0) return -descriptor is FuseSpec.ENFILE or FuseSpec.EMFILE ? FuseSpec.ENFILE : FuseSpec.ESTALE;
        TreeStatus now;
        byte empty = 0;
        bool same = TreeCalls.Status(descriptor, &empty, TreeCalls.EmptyPath, &now) >= 0 && InodeKey.Of(now) == key;
        lock (_lock)
        {
            if (same && Find(nodeId) is { IsOpen: false } inode && inode.NodeId == nodeId)
            {
                inode.Open(descriptor, pins: 0);
                Append(inode);
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
            if (!TryCloseSome(nameless: false)) TryCloseSome(nameless: true);
        }
    }

    private bool TryCloseSome(bool nameless)
    {
        byte empty = 0;
        int closed = 0;
        // Twice round at most: the first time may only find that all were used.
        for (int looks = 2 * _byKey.Count; looks > 0 && closed < Batch && _oldest is { } inode; looks--)
        {
            Unlink(inode);
            bool stays = inode.IsRecent || inode.IsEnding;
            inode.IsRecent = false;
            TreeStatus now;
            stays = stays || (!nameless && (TreeCalls.Status(inode.Descriptor, &empty, TreeCalls.EmptyPath, &now) < 0 || now.Links == 0));
            if (!stays && inode.TryClose(out int descriptor))
            {
                Discard(descriptor);
                closed++;
            }
            else
            {
                Append(inode);
            }
        }

        return closed > 0;
    }

    private void Append(Inode inode)
    {
        inode.Older = _newest;
        inode.Newer = null;
        if (_newest is null) _oldest = inode;
        else _newest.Newer = inode;
        _newest = inode;
    }

    private void Unlink(Inode inode)
    {
        if (inode.Older is null) _oldest = inode.Newer;
        else inode.Older.Newer = inode.Newer;
        if (inode.Newer is null) _newest = inode.Older;
        else inode.Newer.Older = inode.Older;
        inode.Older = inode.Newer = null;
    }
}
