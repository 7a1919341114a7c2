using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

/// <summary><c>struct statfs</c> of 64-bit machines.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct VolumeStatus
{
    private readonly long _type, _blockSize;
    private readonly ulong _blocks, _free, _available, _files, _freeFiles, _id;
    private readonly long _nameLength, _fragmentSize, _flags, _spare0, _spare1, _spare2, _spare3;

    /// <summary>Kind of filesystem, a number of include/uapi/linux/magic.h.</summary>
    public long Type => _type;

    /// <summary>Bytes of an I/O that suits it.</summary>
    public long BlockSize => _blockSize;

    /// <summary>Bytes of the unit that the next three count in.</summary>
    public long FragmentSize => _fragmentSize;

    /// <summary>Size in fragments.</summary>
    public ulong Blocks => _blocks;

    /// <summary>Free fragments.</summary>
    public ulong Free => _free;

    /// <summary>Fragments free for users who are not root.</summary>
    public ulong Available => _available;

    /// <summary>Inodes.</summary>
    public ulong Files => _files;

    /// <summary>Free inodes.</summary>
    public ulong FreeFiles => _freeFiles;

    /// <summary>Longest name in bytes.</summary>
    public long NameLength => _nameLength;
}
