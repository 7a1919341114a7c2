namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>A file or directory that the guest has open.</summary>
internal sealed class OpenFile(int index) : Pinned
{
    /// <summary>What the guest calls it, made as <see cref="Inode.NodeId"/>. Valid with a pin.</summary>
    public ulong Handle;

    public uint Uses;
    public bool IsDirectory;

    /// <summary>The directory's number; valid with a pin.</summary>
    public ulong NodeId;

    /// <summary>The next free one.</summary>
    public OpenFile? NextFree;

    /// <summary>Bytes of entries read from the host at once. The longest one is 280.</summary>
    public const int EntriesLength = 4096;

    /// <summary>
    /// Of a directory: offset of the entry that the guest has to ask for next, or it has gone somewhere else. Under <see cref="Reading"/>, as the next three.
    /// </summary>
    public long Position;

    /// <summary>
    /// Entries that the host gave and the guest has not got yet. They are kept rather than read again: some filesystems count entries, so that an offset
    /// means another one when some are removed in between, which is what <c>rm -r</c> does.
    /// </summary>
    public byte[]? Entries;

    /// <summary>Where those are in it.</summary>
    public int First, Past;

    /// <summary>Of a directory: held while it is read, as its descriptor has one position.</summary>
    public readonly Lock Reading = new();

    /// <summary>Place in the table.</summary>
    public int Index { get; } = index;
}
