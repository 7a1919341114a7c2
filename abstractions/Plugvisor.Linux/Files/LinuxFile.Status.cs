using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

public sealed unsafe partial class LinuxFile
{
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_BASIC_STATS = 0x7ff;
    private const uint STATX_DIOALIGN = 0x2000;
    private const int S_IFMT = 0xf000;
    private const int S_IFBLK = 0x6000;
    private const int S_IFREG = 0x8000;
    private const nuint BLKSSZGET = 0x1268;
    private const nuint BLKPBSZGET = 0x127b;
    private const nuint BLKGETSIZE64 = 0x80081272;

    /// <summary>Facts of the file as they are now.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public FileStatus ReadStatus()
    {
        StatxBuffer s = default;
        byte empty = 0;
        if (statx(Descriptor, &empty, AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &s) < 0)
            throw new LinuxException($"statx {Path}", Marshal.GetLastSystemError());
        FileKind kind = (s.Mode & S_IFMT) switch
        {
            S_IFREG => FileKind.Regular,
            S_IFBLK => FileKind.BlockDevice,
            _ => FileKind.Other,
        };
        ulong size = s.Size;
        uint logical = 512, physical = uint.Clamp(s.BlockSize, 512, 65536);
        if (kind == FileKind.BlockDevice)
        {
            size = 0;
            BlockControl(BLKGETSIZE64, &size, "BLKGETSIZE64");
            BlockControl(BLKSSZGET, &logical, "BLKSSZGET");
            BlockControl(BLKPBSZGET, &physical, "BLKPBSZGET");
        }

        bool aligned = (s.Mask & STATX_DIOALIGN) != 0;
        return new FileStatus
        {
            Kind = kind,
            Size = size,
            Device = DeviceNumbers.Make(s.DeviceMajor, s.DeviceMinor),
            SpecialDevice = DeviceNumbers.Make(s.SpecialMajor, s.SpecialMinor),
            Inode = s.Inode,
            LogicalBlock = logical,
            PhysicalBlock = physical,
            DirectMemoryAlignment = aligned ? s.DirectMemoryAlignment : 0,
            DirectOffsetAlignment = aligned ? s.DirectOffsetAlignment : 0,
        };
    }

    private void BlockControl(nuint request, void* answer, string name)
    {
        if (ioctl(Descriptor, request, answer) < 0) throw new LinuxException($"{name} {Path}", Marshal.GetLastSystemError());
    }

    [LibraryImport("libc")]
    private static partial int statx(int directory, byte* path, int flags, uint mask, StatxBuffer* buffer);

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, nuint request, void* argument);
}
