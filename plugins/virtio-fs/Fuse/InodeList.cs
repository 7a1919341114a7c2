namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>Files in the order in which they came into it. Each is in one list at most. Under the table's lock.</summary>
internal sealed class InodeList
{
    private Inode? _newest;

    /// <summary>The one that is in it for longest.</summary>
    public Inode? Oldest { get; private set; }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Puts one at the end that is in no list.</summary>
    public void Append(Inode inode)
    {
        inode.List = this;
        inode.Older = _newest;
        inode.Newer = null;
        if (_newest is null) Oldest = inode;
        else _newest.Newer = inode;
        _newest = inode;
        Count++;
    }

    /// <summary>Takes one out that is in it.</summary>
    public void Remove(Inode inode)
    {
        if (inode.Older is null) Oldest = inode.Newer;
        else inode.Older.Newer = inode.Newer;
        if (inode.Newer is null) _newest = inode.Older;
        else inode.Newer.Older = inode.Older;
        inode.Older = inode.Newer = null;
        inode.List = null;
        Count--;
    }
}
