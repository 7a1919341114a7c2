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

    /// <summary>Of a directory: where its descriptor stands, or -1 when that is not known. Under <see cref="Reading"/>.</summary>
    public long Position;

    /// <summary>Of a directory: held while it is read, as its descriptor has one position.</summary>
    public readonly Lock Reading = new();

    /// <summary>Place in the table.</summary>
    public int Index { get; } = index;
}
