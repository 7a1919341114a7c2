namespace Plugvisor.Linux.Files;

/// <summary>Facts of an open file, from statx and, for block devices, from ioctls.</summary>
public sealed class FileStatus
{
    /// <summary>What it is.</summary>
    public required FileKind Kind { get; init; }

    /// <summary>Bytes; for a block device its capacity.</summary>
    public required ulong Size { get; init; }

    /// <summary>st_dev: the device that holds it.</summary>
    public required ulong Device { get; init; }

    /// <summary>st_rdev: the device that it is, or 0.</summary>
    public required ulong SpecialDevice { get; init; }

    /// <summary>Inode number.</summary>
    public required ulong Inode { get; init; }

    /// <summary>Bytes of the smallest I/O that a block device takes; 512 for a regular file.</summary>
    public required uint LogicalBlock { get; init; }

    /// <summary>Bytes of an I/O that costs no read-modify-write; the filesystem's block for a regular file.</summary>
    public required uint PhysicalBlock { get; init; }

    /// <summary>Alignment of buffer addresses for O_DIRECT; 0 where the kernel does not say.</summary>
    public required uint DirectMemoryAlignment { get; init; }

    /// <summary>Alignment of offsets and lengths for O_DIRECT; 0 where the kernel does not say.</summary>
    public required uint DirectOffsetAlignment { get; init; }
}
