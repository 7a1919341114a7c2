using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

/// <summary><c>struct statx</c> (include/uapi/linux/stat.h), what a file server needs of it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
public readonly struct TreeStatus
{
    internal const uint Wanted = 0xfff;   // STATX_BASIC_STATS and STATX_BTIME

    [FieldOffset(28)] private readonly ushort _mode;
    [FieldOffset(64)] private readonly long _accessed;
    [FieldOffset(72)] private readonly uint _accessedNanoseconds;
    [FieldOffset(80)] private readonly long _born;
    [FieldOffset(88)] private readonly uint _bornNanoseconds;
    [FieldOffset(96)] private readonly long _changed;
    [FieldOffset(104)] private readonly uint _changedNanoseconds;
    [FieldOffset(112)] private readonly long _modified;
    [FieldOffset(120)] private readonly uint _modifiedNanoseconds;
    [FieldOffset(128)] private readonly uint _specialMajor;
    [FieldOffset(132)] private readonly uint _specialMinor;
    [FieldOffset(136)] private readonly uint _deviceMajor;
    [FieldOffset(140)] private readonly uint _deviceMinor;
    [FieldOffset(4)] private readonly uint _blockSize;
    [FieldOffset(16)] private readonly uint _links;
    [FieldOffset(20)] private readonly uint _owner;
    [FieldOffset(24)] private readonly uint _group;
    [FieldOffset(32)] private readonly ulong _inode;
    [FieldOffset(40)] private readonly ulong _size;
    [FieldOffset(48)] private readonly ulong _blocks;

    /// <summary>Type and permission bits (S_IFMT and 07777).</summary>
    public uint Mode => _mode;

    /// <summary>Bytes of an I/O that suits it.</summary>
    public uint BlockSize => _blockSize;

    /// <summary>Names that it has.</summary>
    public uint Links => _links;

    /// <summary>The owner's user id.</summary>
    public uint Owner => _owner;

    /// <summary>Group id.</summary>
    public uint Group => _group;

    /// <summary>Inode number.</summary>
    public ulong Inode => _inode;

    /// <summary>Bytes.</summary>
    public ulong Size => _size;

    /// <summary>Units of 512 bytes that it takes.</summary>
    public ulong Blocks => _blocks;

    /// <summary>Last access.</summary>
    public TreeTime Accessed => new(_accessed, _accessedNanoseconds);

    /// <summary>When it was made; zero where the filesystem does not know.</summary>
    public TreeTime Born => new(_born, _bornNanoseconds);

    /// <summary>Last change of the inode.</summary>
    public TreeTime Changed => new(_changed, _changedNanoseconds);

    /// <summary>Last change of the bytes.</summary>
    public TreeTime Modified => new(_modified, _modifiedNanoseconds);

    /// <summary>Major number of the device that it is.</summary>
    public uint SpecialMajor => _specialMajor;

    /// <summary>Minor number of the device that it is.</summary>
    public uint SpecialMinor => _specialMinor;

    /// <summary>The filesystem that it is on, for comparing: st_dev in a form of its own.</summary>
    public ulong Device => (ulong)_deviceMajor << 32 | _deviceMinor;
}
