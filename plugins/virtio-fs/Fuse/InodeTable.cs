using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// The files that the guest knows, each with a count of how often it was told of it. Any thread. Pinning a file whose descriptor is open takes no lock. Memory
/// is bounded by the number of files, descriptors by the budget: the ones that were not used for longest lose theirs and get it back by directory
/// and name, which has to be the same file then.
/// </summary>
internal sealed unsafe partial class InodeTable : IDisposable
{
    private const int ChunkSize = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<InodeKey, Inode> _byKey = [];
    private readonly Stack<Inode> _free = new();
    private readonly Inode[]?[] _chunks;
    private readonly DescriptorBudget _budget;
    private readonly int _most;
    private int _count;
    private uint _firstUse;   // what a place's first use is called: more than 0 when there were others before this table

    /// <summary>Makes a table that knows the root only.</summary>
    /// <param name="root">O_PATH descriptor of the shared directory, which it takes over.</param>
    /// <param name="status">What that is.</param>
    /// <param name="most">The most files.</param>
    /// <param name="budget">Asked for each descriptor but the root's.</param>
    public InodeTable(int root, in TreeStatus status, int most, DescriptorBudget budget)
    {
        _budget = budget;
        _most = most;
        _chunks = new Inode[(most + ChunkSize - 1) / ChunkSize][];
        Root = Place()!;
        Root.NodeId = FuseSpec.FUSE_ROOT_ID;
        Root.Key = InodeKey.Of(status);
        Root.Lookups = ulong.MaxValue;
        Root.Open(root, pins: 1);
        _byKey.Add(Root.Key, Root);
    }

    /// <summary>The shared directory; never forgotten, never without a descriptor.</summary>
    public Inode Root { get; }

    /// <summary>Files that the guest knows, the root included.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _byKey.Count;
        }
    }

    /// <summary>Finds a file by its number and pins it.</summary>
    /// <returns>0 or an errno: ESTALE for one that is not known or not where it was.</returns>
    public int Pin(ulong nodeId, out Inode inode)
    {
        while (true)
        {
            int error = PinOpen(nodeId, out inode);
            if (error != NoDescriptor) return error;
            error = Reopen(nodeId);
            if (error != 0) return error;
        }
    }

    /// <summary>Gives the pin back.</summary>
    public void Unpin(Inode inode)
    {
        if (!inode.Unpin()) return;
        lock (_lock) Reap(inode);
    }

    /// <summary>
    /// Finds what a name in a directory is, tells it from what is known already, and counts that the guest is told of it.
    /// </summary>
    /// <param name="directory">The directory, pinned.</param>
    /// <param name="name">A checked name with a NUL.</param>
    /// <param name="length">Its bytes without the NUL.</param>
    /// <param name="status">What it is now.</param>
    /// <param name="nodeId">Its number.</param>
    /// <returns>0 or an errno.</returns>
    public int Lookup(Inode directory, byte* name, int length, out TreeStatus status, out ulong nodeId)
    {
        nodeId = 0;
        TreeStatus now;
        int result = TreeCalls.Status(directory.Descriptor, name, TreeCalls.NoFollow | TreeCalls.NoAutomount, &now);
        status = now;
        if (result < 0) return -result;
        ReadOnlySpan<byte> place = new(name, length);
        if (TryCount(InodeKey.Of(now), directory, place, out nodeId)) return 0;

        int descriptor = OpenPath(directory.Descriptor, name);
        if (descriptor < 0) return -descriptor;
        result = Adopt(descriptor, directory, place, out status, out nodeId);
        return result;
    }

    /// <summary>As <see cref="Lookup"/>, for a file that is open already: a descriptor of it, which stays the caller's, says which it is.</summary>
    /// <param name="directory">The directory, pinned.</param>
    /// <param name="name">The name that it was opened by.</param>
    /// <param name="open">The open file.</param>
    /// <param name="status">What it is now.</param>
    /// <param name="nodeId">Its number.</param>
    /// <returns>0 or an errno.</returns>
    public int LookupOpen(Inode directory, ReadOnlySpan<byte> name, int open, out TreeStatus status, out ulong nodeId)
    {
        nodeId = 0;
        TreeStatus now;
        byte empty = 0;
        int result = TreeCalls.Status(open, &empty, TreeCalls.EmptyPath, &now);
        status = now;
        if (result < 0) return -result;
        if (TryCount(InodeKey.Of(now), directory, name, out nodeId)) return 0;
        if (!TryTakeDescriptor()) return FuseSpec.ENFILE;
        int descriptor = ProcPath.Open(open, FuseSpec.O_PATH | FuseSpec.O_CLOEXEC);
        if (descriptor >= 0) return Adopt(descriptor, directory, name, out status, out nodeId);
        _budget.Return();
        return -descriptor;
    }

    /// <summary>The guest has forgotten some of what it was told. More than it was told counts as all.</summary>
    public void Forget(ulong nodeId, ulong lookups)
    {
        lock (_lock)
        {
            if (Find(nodeId) is not { } inode || inode.NodeId != nodeId || inode == Root || inode.Lookups == ulong.MaxValue) return;
            inode.Lookups -= Math.Min(lookups, inode.Lookups);
            if (inode.Lookups == 0) Remove(inode);
        }
    }

    /// <summary>What was at one place is at another now. The name it had there is forgotten when it is not known.</summary>
    public void Moved(Inode directory, byte* name, int length)
    {
        TreeStatus now;
        if (TreeCalls.Status(directory.Descriptor, name, TreeCalls.NoFollow | TreeCalls.NoAutomount, &now) < 0) return;
        lock (_lock)
        {
            if (_byKey.TryGetValue(InodeKey.Of(now), out Inode? inode) && inode != Root) inode.SetPlace(directory.NodeId, new(name, length));
        }
    }

    /// <summary>Forgets all but the root. What is in use stays until its user is done.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            for (int i = 1; i < _count; i++)
            {
                Inode inode = At(i);
                if (inode.NodeId == 0) continue;
                inode.Lookups = 0;
                Remove(inode);
            }
        }
    }

    /// <summary>Closes all; nobody may use the table any more.</summary>
    public void Dispose()
    {
        Clear();
        lock (_lock)
        {
            Root.Unpin();
            if (Root.TryClose(out int descriptor)) _ = TreeCalls.Close(descriptor);
        }
    }

    /// <summary>As <see cref="Pin"/>, for one that has a descriptor.</summary>
    /// <returns>0, ESTALE, or <see cref="NoDescriptor"/>.</returns>
    private int PinOpen(ulong nodeId, out Inode inode)
    {
        inode = Root;
        if (Find(nodeId) is not { } found) return FuseSpec.ESTALE;
        if (!found.TryPin()) return NoDescriptor;
        if (found.NodeId == nodeId && !found.IsEnding)
        {
            if (!found.IsRecent) found.IsRecent = true;
            inode = found;
            return 0;
        }

        Unpin(found);
        return FuseSpec.ESTALE;
    }

    private bool TryCount(InodeKey key, Inode directory, ReadOnlySpan<byte> name, out ulong nodeId)
    {
        lock (_lock)
        {
            nodeId = 0;
            if (!_byKey.TryGetValue(key, out Inode? inode)) return false;
            nodeId = Tell(inode, directory, name);
            return true;
        }
    }

    private ulong Tell(Inode inode, Inode directory, ReadOnlySpan<byte> name)
    {
        // A count that is full stays: the file is known until the guest is gone.
        if (inode.Lookups != ulong.MaxValue) inode.Lookups++;
        if (inode != Root) inode.SetPlace(directory.NodeId, name);
        return inode.NodeId;
    }

    /// <summary>Puts a new descriptor into the table, or closes it when its file is there already.</summary>
    private int Adopt(int descriptor, Inode directory, ReadOnlySpan<byte> name, out TreeStatus status, out ulong nodeId)
    {
        TreeStatus now;
        byte empty = 0;
        nodeId = 0;
        int result = TreeCalls.Status(descriptor, &empty, TreeCalls.EmptyPath, &now);
        status = now;
        if (result < 0)
        {
            Discard(descriptor);
            return -result;
        }

        if (now.Device != directory.Key.Device && Volumes.IsKernelInterface(descriptor))
        {
            Discard(descriptor);
            return FuseSpec.EXDEV;
        }

        InodeKey key = InodeKey.Of(now);
        lock (_lock)
        {
            if (_byKey.TryGetValue(key, out Inode? inode))
            {
                nodeId = Tell(inode, directory, name);
            }
            else if ((inode = Place()) is not null)
            {
                nodeId = inode.NodeId = (ulong)inode.Uses++ << 32 | (uint)(inode.Index + 1);
                inode.Key = key;
                inode.Lookups = 1;
                inode.SetPlace(directory.NodeId, name);
                _byKey.Add(key, inode);
                inode.Open(descriptor, pins: 0);
                _open.Append(inode);
                return 0;
            }
        }

        Discard(descriptor);
        return nodeId != 0 ? 0 : FuseSpec.ENFILE;
    }

    // What follows is called under the lock (or by the constructor).

    private Inode? Find(ulong nodeId)
    {
        uint index = (uint)nodeId - 1;
        if (index >= (uint)_most) return null;
        return Volatile.Read(ref _chunks[index / ChunkSize])?[index % ChunkSize];
    }

    private Inode At(int index) => _chunks[index / ChunkSize]![index % ChunkSize];

    /// <summary>An unused place.</summary>
    private Inode? Place()
    {
        if (_free.TryPop(out Inode? inode)) return inode;
        if (_count == _most) return null;
        ref Inode[]? chunk = ref _chunks[_count / ChunkSize];
        if (chunk is null)
        {
            var made = new Inode[ChunkSize];
            for (int i = 0; i < ChunkSize; i++) made[i] = new Inode(_count + i);
            Volatile.Write(ref chunk, made);
        }

        inode = At(_count++);
        inode.Uses = _firstUse;
        return inode;
    }

    private void Remove(Inode inode)
    {
        _byKey.Remove(inode.Key);
        inode.NodeId = 0;
        inode.End();
        if (inode.IsOpen) Reap(inode);
        else Recycle(inode);
    }

    /// <summary>Ends a forgotten one, if nobody uses it.</summary>
    private void Reap(Inode inode)
    {
        if (!inode.IsEnding || !inode.TryClose(out int descriptor)) return;
        inode.List!.Remove(inode);
        Discard(descriptor);
        Recycle(inode);
    }

    private void Recycle(Inode inode)
    {
        inode.IsRecent = false;
        _free.Push(inode);
    }
}
