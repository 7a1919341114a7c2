using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

/// <summary>What a path names, without opening it and without following a last symbolic link (statx(2)).</summary>
public readonly unsafe partial record struct PathStatus
{
    private const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_BASIC_STATS = 0x7ff;
    private const int S_IFMT = 0xf000, S_IFDIR = 0x4000, S_IFSOCK = 0xc000, Permissions = 0xfff;
    private const int ENOENT = 2, ENOTDIR = 20;

    private readonly int _mode;

    private PathStatus(in StatxBuffer s)
    {
        _mode = s.Mode;
        Owner = s.Owner;
        Inode = s.Inode;
        Device = DeviceNumbers.Make(s.DeviceMajor, s.DeviceMinor);
    }

    /// <summary>The owner's user id.</summary>
    public uint Owner { get; }

    /// <summary>The device that holds it, as in <see cref="FileStatus.Device"/>.</summary>
    public ulong Device { get; }

    /// <summary>Its inode on that device.</summary>
    public ulong Inode { get; }

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => (_mode & S_IFMT) == S_IFSOCK;

    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => (_mode & S_IFMT) == S_IFDIR;

    /// <summary>Permission bits (07777).</summary>
    public int Mode => _mode & Permissions;

    /// <summary>Whether both are one file.</summary>
    public bool IsSameFile(PathStatus other) => Device == other.Device && Inode == other.Inode;

    /// <summary>Looks.</summary>
    /// <returns>Null when nothing is there.</returns>
    /// <exception cref="LinuxException">It cannot be looked at.</exception>
    public static PathStatus? TryRead(string path)
    {
        StatxBuffer s = default;
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &s) == 0) return new PathStatus(s);
        int errno = Marshal.GetLastSystemError();
        return errno is ENOENT or ENOTDIR ? null : throw new LinuxException($"statx {path}", errno);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, StatxBuffer* buffer);
}
