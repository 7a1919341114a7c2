using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// What makes a file of the host that file: two that are equal are one. The time of birth tells it from a later one with the same number, the type does so where
/// there is no such time, or it is the same: what is known to be a regular file must not become a FIFO, which opening would wait for.
/// </summary>
internal readonly record struct InodeKey(ulong Device, ulong Number, long Born, long BornNanoseconds, uint Type)
{
    public static InodeKey Of(in TreeStatus status) =>
        new(status.Device, status.Inode, status.Born.Seconds, status.Born.Nanoseconds, status.Mode & FuseSpec.S_IFMT);
}

/// <summary>
/// A file of the host that the guest knows by a number. Its descriptor (O_PATH) can be closed when there are too many and opened again by where
/// it was seen last. Members without a remark belong to the table's lock.
/// </summary>
internal sealed class Inode(int index) : Pinned
{
    /// <summary>The guest's number for it: place in the table and, above it, how often the place was used before. 0 while unused. Valid with a pin.</summary>
    public ulong NodeId;

    /// <summary>Fixed from its making until it is forgotten; valid with a pin.</summary>
    public InodeKey Key;

    /// <summary>S_IFMT bits; as <see cref="Key"/>.</summary>
    public uint Type => Key.Type;

    /// <summary>How often the guest was told of it and has not forgotten it.</summary>
    public ulong Lookups;

    /// <summary>Where it was seen last: directory and name.</summary>
    public ulong Parent;

    public byte[] Name = [];
    public int NameLength;

    /// <summary>The list of those with a descriptor that it is in, and its neighbours there.</summary>
    public InodeList? List;

    public Inode? Older, Newer;

    /// <summary>Used since the search for one to close came by. A hint, written without a lock.</summary>
    public bool IsRecent;

    public uint Uses;

    /// <summary>Place in the table.</summary>
    public int Index { get; } = index;

    public bool IsDirectory => Type == FuseSpec.S_IFDIR;

    public bool IsRegular => Type == FuseSpec.S_IFREG;

    /// <summary>Notes where it is.</summary>
    public void SetPlace(ulong parent, ReadOnlySpan<byte> name)
    {
        if (Parent == parent && Name.AsSpan(0, NameLength).SequenceEqual(name)) return;
        Parent = parent;
        // With a NUL behind it, as system calls want it.
        if (Name.Length <= name.Length) Name = new byte[Math.Max(16, name.Length + 1)];
        name.CopyTo(Name);
        Name[name.Length] = 0;
        NameLength = name.Length;
    }
}
