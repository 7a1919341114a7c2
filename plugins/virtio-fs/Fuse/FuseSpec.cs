namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>Numbers of the FUSE protocol (include/uapi/linux/fuse.h, version 7.38), by their names there, and errno values.</summary>
internal static class FuseSpec
{
    public const uint FUSE_KERNEL_VERSION = 7;
    public const uint FUSE_KERNEL_MINOR_VERSION = 38;

    /// <summary>The first version with virtio-fs (Linux 5.4). Answers changed their sizes before it.</summary>
    public const uint LeastMinorVersion = 31;

    public const ulong FUSE_ROOT_ID = 1;

    // fuse_init_in.flags and fuse_init_out.flags
    public const uint FUSE_ASYNC_READ = 1 << 0;
    public const uint FUSE_ATOMIC_O_TRUNC = 1 << 3;
    public const uint FUSE_BIG_WRITES = 1 << 5;
    public const uint FUSE_AUTO_INVAL_DATA = 1 << 12;
    public const uint FUSE_DO_READDIRPLUS = 1 << 13;
    public const uint FUSE_READDIRPLUS_AUTO = 1 << 14;
    public const uint FUSE_ASYNC_DIO = 1 << 15;
    public const uint FUSE_PARALLEL_DIROPS = 1 << 18;
    public const uint FUSE_MAX_PAGES = 1 << 22;
    public const uint FUSE_CACHE_SYMLINKS = 1 << 23;
    public const uint FUSE_HANDLE_KILLPRIV_V2 = 1 << 28;

    // fuse_setattr_in.valid
    public const uint FATTR_MODE = 1 << 0;
    public const uint FATTR_UID = 1 << 1;
    public const uint FATTR_GID = 1 << 2;
    public const uint FATTR_SIZE = 1 << 3;
    public const uint FATTR_ATIME = 1 << 4;
    public const uint FATTR_MTIME = 1 << 5;
    public const uint FATTR_FH = 1 << 6;
    public const uint FATTR_ATIME_NOW = 1 << 7;
    public const uint FATTR_MTIME_NOW = 1 << 8;
    public const uint FATTR_KILL_SUIDGID = 1 << 11;

    public const uint FUSE_GETATTR_FH = 1 << 0;
    public const uint FUSE_FSYNC_FDATASYNC = 1 << 0;
    public const uint FUSE_WRITE_KILL_SUIDGID = 1 << 2;
    public const uint FUSE_OPEN_KILL_SUIDGID = 1 << 0;
    public const uint FOPEN_DIRECT_IO = 1 << 0;
    public const uint FOPEN_NOFLUSH = 1 << 5;
    public const uint FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

    // errno
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int EBADF = 9;
    public const int EEXIST = 17;
    public const int EXDEV = 18;
    public const int ENOTDIR = 20;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int ENOTTY = 25;
    public const int EROFS = 30;
    public const int ERANGE = 34;
    public const int ENAMETOOLONG = 36;
    public const int ENOSYS = 38;
    public const int ENODATA = 61;
    public const int EPROTO = 71;
    public const int EOPNOTSUPP = 95;
    public const int ESTALE = 116;

    // st_mode
    public const uint S_IFMT = 0xf000;
    public const uint S_IFIFO = 0x1000;
    public const uint S_IFCHR = 0x2000;
    public const uint S_IFDIR = 0x4000;
    public const uint S_IFBLK = 0x6000;
    public const uint S_IFREG = 0x8000;
    public const uint S_IFLNK = 0xa000;
    public const uint S_IFSOCK = 0xc000;
    public const uint Permissions = 0xfff;

    // open(2)
    public const int O_ACCMODE = 3;
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_APPEND = 0x400;
    public const int O_DSYNC = 0x1000;
    public const int O_DIRECTORY = 0x10000;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_CLOEXEC = 0x80000;
    public const int O_SYNC = 0x101000;
    public const int O_PATH = 0x200000;
}
