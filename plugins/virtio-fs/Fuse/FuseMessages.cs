using System.Runtime.InteropServices;
using Plugvisor.Linux.Trees;

// The structures of include/uapi/linux/fuse.h, by their names there without the prefix. All are little-endian here and have no hidden padding.
namespace Plugvisor.Plugins.VirtioFs.Fuse;

[StructLayout(LayoutKind.Sequential)]
internal struct InHeader
{
    public uint Length;
    public FuseOpcode Opcode;
    public ulong Unique, NodeId;
    public uint User, Group, Process, Extensions;
}

[StructLayout(LayoutKind.Sequential)]
internal struct OutHeader
{
    public uint Length;
    public int Error;
    public ulong Unique;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Attributes
{
    public ulong Inode, Size, Blocks;
    public long Accessed, Modified, Changed;
    public uint AccessedNanoseconds, ModifiedNanoseconds, ChangedNanoseconds;
    public uint Mode, Links, User, Group, Device, BlockSize, Flags;

    /// <summary>Fills in what the host says of a file.</summary>
    /// <param name="status">What it says.</param>
    /// <param name="inode">Its number as the guest is to see it.</param>
    public void Set(in TreeStatus status, ulong inode)
    {
        Inode = inode;
        Size = status.Size;
        Blocks = status.Blocks;
        (Accessed, AccessedNanoseconds) = (status.Accessed.Seconds, (uint)status.Accessed.Nanoseconds);
        (Modified, ModifiedNanoseconds) = (status.Modified.Seconds, (uint)status.Modified.Nanoseconds);
        (Changed, ChangedNanoseconds) = (status.Changed.Seconds, (uint)status.Changed.Nanoseconds);
        Mode = status.Mode;
        Links = status.Links;
        User = status.Owner;
        Group = status.Group;
        // The kernel's 32-bit form of a device number (new_encode_dev).
        Device = (status.SpecialMinor & 0xff) | status.SpecialMajor << 8 | (status.SpecialMinor & ~0xffu) << 12;
        BlockSize = status.BlockSize;
        Flags = 0;
    }
}

[StructLayout(LayoutKind.Sequential)]
internal struct EntryOut
{
    public ulong NodeId, Generation, EntryValid, AttributesValid;
    public uint EntryValidNanoseconds, AttributesValidNanoseconds;
    public Attributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttrOut
{
    public ulong Valid;
    public uint ValidNanoseconds, Dummy;
    public Attributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct OpenOut
{
    public ulong Handle;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CreateOut
{
    public EntryOut Entry;
    public OpenOut Open;
}

[StructLayout(LayoutKind.Sequential)]
internal struct InitIn
{
    public uint Major, Minor, MaxReadAhead, Flags;
}

[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct InitOut
{
    public uint Major, Minor, MaxReadAhead, Flags;
    public ushort MaxBackground, CongestionThreshold;
    public uint MaxWrite, TimeGranularity;
    public ushort MaxPages, MapAlignment;
    public uint Flags2;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GetAttrIn
{
    public uint Flags, Dummy;
    public ulong Handle;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SetAttrIn
{
    public uint Valid, Padding;
    public ulong Handle, Size, LockOwner;
    public long Accessed, Modified, Changed;
    public uint AccessedNanoseconds, ModifiedNanoseconds, ChangedNanoseconds;
    public uint Mode, Unused4, User, Group, Unused5;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MkNodIn
{
    public uint Mode, Device, Mask, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MkDirIn
{
    public uint Mode, Mask;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Rename2In
{
    public ulong NewDirectory;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct OpenIn
{
    public int Flags;
    public uint OpenFlags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CreateIn
{
    public int Flags;
    public uint Mode, Mask, OpenFlags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ReleaseIn
{
    public ulong Handle;
    public uint Flags, ReleaseFlags;
    public ulong LockOwner;
}

/// <summary>fuse_read_in and fuse_write_in, which have the same members.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TransferIn
{
    public ulong Handle, Offset;
    public uint Size, TransferFlags;
    public ulong LockOwner;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct WriteOut
{
    public uint Size, Padding;
}

[StructLayout(LayoutKind.Sequential, Size = 80)]
internal struct StatFsOut
{
    public ulong Blocks, Free, Available, Files, FreeFiles;
    public uint BlockSize, NameLength, FragmentSize;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FSyncIn
{
    public ulong Handle;
    public uint Flags, Padding;
}

/// <summary>The first 8 bytes of fuse_setxattr_in, and the whole of fuse_getxattr_in and fuse_getxattr_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XAttrIn
{
    public uint Size, Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FAllocateIn
{
    public ulong Handle, Offset, Length;
    public uint Mode, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LSeekIn
{
    public ulong Handle, Offset;
    public int Origin;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CopyFileRangeIn
{
    public ulong Handle, Offset, ToNodeId, ToHandle, ToOffset, Length, Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ForgetOne
{
    public ulong NodeId, Lookups;
}

/// <summary>Before its name.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DirEntry
{
    public ulong Inode, Offset;
    public uint NameLength, Type;
}
