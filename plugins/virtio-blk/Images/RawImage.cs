using System.Numerics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.VirtioBlk.Engines;

namespace Plugvisor.Plugins.VirtioBlk.Images;

/// <summary>
/// A raw image or a block device, opened and locked. The bytes of the disk are those of the file, so the engines work on its descriptor
/// directly. Made and disposed on the control loop's thread; its members do not change meanwhile, except <see cref="SyncFailures"/>.
/// </summary>
internal sealed unsafe class RawImage : IDisposable
{
    private const int EACCES = 13;
    private const int EROFS = 30;
    private const int EINVAL = 22;
    private const int EOPNOTSUPP = 95;

    private int _syncFailures;
    private bool _keepsLock;

    private RawImage(
        LinuxFile file, LinuxFile? buffered, FileStatus status, ulong capacity, Config config, FileOpen how, IEngineLayer? layer)
    {
        File = file;
        Status = status;
        ProtectFirstSector = config.ImageType == ImageType.Unknown;
        CapacitySectors = capacity != 0 ? capacity : status.Size >> BlkSpec.SectorShift;
        BlockSize = status.LogicalBlock;
        if (config.Direct)
        {
            DirectUnits units = FindUnits(file, status);
            (uint memory, uint offset) = layer?.Units(units) ?? units;
            BlockSize = uint.Max(BlockSize, offset);
            MemoryMask = memory - 1;
            OffsetMask = offset - 1;
            if (offset > BlkSpec.SectorSize)
            {
                Buffered = buffered ?? file.Reopen(how & ~FileOpen.Direct);
                buffered = null;
            }
        }

        buffered?.Dispose();

        if (status.Kind == FileKind.BlockDevice) RangeMask = status.LogicalBlock - 1;
        uint physical = uint.Max(BitOperations.RoundUpToPowerOf2(status.PhysicalBlock), BlockSize);
        PhysicalBlockExponent = (byte)BitOperations.Log2(physical / BlockSize);
    }

    /// <summary>The file that I/O goes to; with O_DIRECT when the disk is direct.</summary>
    public LinuxFile File { get; }

    /// <summary>
    /// The same file through the page cache, for requests in finer units than O_DIRECT takes; null where there are none. Pages of the
    /// cache are no larger than the unit, so it never holds a copy of bytes that a direct request changes beside it.
    /// </summary>
    public LinuxFile? Buffered { get; }

    /// <summary>Facts of the file.</summary>
    public FileStatus Status { get; }

    /// <summary>Size in sectors of 512 bytes.</summary>
    public ulong CapacitySectors { get; }

    /// <summary>Bytes of the smallest I/O that is done without detours.</summary>
    public uint BlockSize { get; }

    /// <summary>Log2 of blocks in a physical block.</summary>
    public byte PhysicalBlockExponent { get; }

    /// <summary>Address bits that must be 0 for O_DIRECT; 0 without it.</summary>
    public uint MemoryMask { get; }

    /// <summary>Bits of offsets and lengths that must be 0 for O_DIRECT; 0 without it.</summary>
    public uint OffsetMask { get; }

    /// <summary>Bits of offsets and lengths that must be 0 for discarding and zeroing ranges; 0 for a file, which takes any.</summary>
    public uint RangeMask { get; }

    /// <summary>The format was not told: the guest must not be able to write a header of one that would be believed another time.</summary>
    public bool ProtectFirstSector { get; }

    /// <summary>
    /// How often fdatasync has failed. The kernel tells each failure once for an open file, so a queue that sees the number grow fails its next
    /// flush as well: its own writes may be among those that were lost.
    /// </summary>
    public int SyncFailures => Volatile.Read(ref _syncFailures);

    /// <summary>Counts a failure of fdatasync. Any queue's thread.</summary>
    public void AddSyncFailure() => Interlocked.Increment(ref _syncFailures);

    /// <summary>Opens, locks and checks the image that a config names.</summary>
    /// <param name="config">The disk's config.</param>
    /// <param name="path">The image.</param>
    /// <param name="log">Hears what an operator should know.</param>
    /// <param name="layer">What tests put in between, or null.</param>
    /// <param name="capacity">Sectors that a driver knows of already, or 0 for as many as there are.</param>
    /// <exception cref="DeviceException">It cannot be used; the message names it and the fix.</exception>
    public static RawImage Open(Config config, string path, IDeviceLog log, IEngineLayer? layer = null, ulong capacity = 0)
    {
        FileOpen how = (config.ReadOnly ? FileOpen.Read : FileOpen.Write) | (config.Direct ? FileOpen.Direct : 0);
        LinuxFile file = OpenFile(path, how);
        try
        {
            FileStatus status = ReadStatus(file);
            if (status.Kind == FileKind.Other)
                throw new DeviceException($"disk image '{path}' is neither a regular file nor a block device");
            Lock(file, config, status);
            ImageType type = CheckType(file, config, status, path);
            if (config.ImageType == ImageType.Unknown)
            {
                log.Warn($"disk image '{path}': no image_type was given; it is used as {ImageProbe.Spell(type)} and its first sector "
                    + "is read-only for the guest. Give image_type=raw to make it writable");
            }

            if (status.Size % BlkSpec.SectorSize != 0)
                log.Warn($"disk image '{path}' is not a multiple of 512 bytes long; the guest does not see its last {status.Size % 512} bytes");
            if (!config.Sparse && !config.ReadOnly && status.Kind == FileKind.Regular) Preallocate(file, status, log);
            if (capacity > status.Size >> BlkSpec.SectorShift)
                throw new DeviceException($"disk image '{path}' has {status.Size} bytes, but the saved disk has {capacity} sectors of 512: is this its image?");
            return new RawImage(file, null, status, capacity, config, how, layer);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Goes on with an image that an earlier instance has opened and checked. The lock is the open file's, so it is never given back in between.
    /// </summary>
    /// <param name="config">The disk's config.</param>
    /// <param name="path">What to call the image.</param>
    /// <param name="inherited">What <see cref="Handover"/> gave, duplicated; stays the caller's.</param>
    /// <param name="capacity">Sectors that the driver knows of, however long the file is by now.</param>
    /// <param name="layer">As for <see cref="Open"/>.</param>
    /// <exception cref="DeviceException">It cannot be used any more.</exception>
    public static RawImage Inherit(Config config, string path, IReadOnlyList<SafeHandle> inherited, ulong capacity, IEngineLayer? layer)
    {
        FileOpen how = (config.ReadOnly ? FileOpen.Read : FileOpen.Write) | (config.Direct ? FileOpen.Direct : 0);
        LinuxFile? file = null, buffered = null;
        try
        {
            file = LinuxFile.Duplicate(inherited[0], path);
            if (inherited.Count > 1) buffered = LinuxFile.Duplicate(inherited[1], path);
            return new RawImage(file, buffered, ReadStatus(file), capacity, config, how, layer) { _keepsLock = true };
        }
        catch (Exception e)
        {
            buffered?.Dispose();
            file?.Dispose();
            throw e is LinuxException ? new DeviceException($"disk image '{path}' could not be taken over", e) : e;
        }
    }

    /// <summary>The files, for an instance that goes on with them.</summary>
    public IReadOnlyList<SafeHandle> Handover => Buffered is null ? [File] : [File, Buffered];

    /// <summary>Another instance goes on with the image: closing it leaves it locked.</summary>
    public void KeepLock() => _keepsLock = true;

    /// <summary>No other instance goes on with the image any more: closing it gives the lock back.</summary>
    public void OwnLock() => _keepsLock = false;

    /// <summary>Gives the lock back and closes the files. Nothing is in flight.</summary>
    public void Dispose()
    {
        // The kernel may hold a closed ring's reference to the file for a while, and the lock would live as long.
        if (!File.IsClosed && !_keepsLock) File.Unlock();
        Buffered?.Dispose();
        File.Dispose();
    }

    private static LinuxFile OpenFile(string path, FileOpen how)
    {
        try
        {
            return LinuxFile.Open(path, how);
        }
        catch (LinuxException e)
        {
            string fix = e.Errno switch
            {
                EACCES or EROFS when (how & FileOpen.Write) != 0 => "; to use it without writing, give readonly=on",
                EINVAL when (how & FileOpen.Direct) != 0 => "; its filesystem has no O_DIRECT, so give direct=off",
                _ => "",
            };
            throw new DeviceException($"disk image '{path}' could not be opened{fix}", e);
        }
    }

    private static FileStatus ReadStatus(LinuxFile file)
    {
        try
        {
            return file.ReadStatus();
        }
        catch (LinuxException e)
        {
            throw new DeviceException($"disk image '{file.Path}' does not tell its size", e);
        }
    }

    private static void Lock(LinuxFile file, Config config, FileStatus status)
    {
        FileLock kind = config.ReadOnly ? FileLock.Read : FileLock.Write;
        ulong length = config.LockGranularity == LockGranularity.Full ? 0 : status.Size;
        bool locked;
        try
        {
            locked = file.TryLock(kind, 0, length);
        }
        catch (LinuxException e)
        {
            throw new DeviceException($"disk image '{file.Path}' could not be locked: its filesystem has no file locks", e);
        }

        if (locked) return;
        string what = config.ReadOnly ? "somebody else has it open for writing" : "somebody else has it open";
        throw new DeviceException(
            "Error locking disk images: Another instance likely holds a lock",
            new DeviceException($"disk image '{file.Path}' could not be locked for {(config.ReadOnly ? "reading" : "writing")}: {what}"));
    }

    /// <returns>The type that the image is used as.</returns>
    private static ImageType CheckType(LinuxFile file, Config config, FileStatus status, string path)
    {
        if (config.ImageType == ImageType.Raw)
        {
            if (config.BackingFiles) throw new DeviceException($"disk image '{path}': backing_files needs image_type=qcow2");
            return ImageType.Raw;
        }

        using LinuxFile buffered = file.Reopen(FileOpen.Read);
        ImageType found = ImageProbe.Detect(buffered, status.Size);
        if (config.ImageType == ImageType.Unknown)
        {
            if (found == ImageType.Raw) return ImageType.Raw;
            throw new DeviceException(
                $"disk image '{path}' looks like {ImageProbe.Spell(found)}, which is not believed without being told, as a guest could have "
                + $"written it: give image_type={ImageProbe.Spell(found)}, or image_type=raw if these are the bytes of the disk");
        }

        if (config.ImageType != found)
        {
            throw new DeviceException(
                $"disk image '{path}' is not a {ImageProbe.Spell(config.ImageType)} image: "
                + $"image_type={ImageProbe.Spell(config.ImageType)} was given, but it looks like {ImageProbe.Spell(found)}");
        }

        throw new DeviceException(
            $"disk image '{path}': image_type={ImageProbe.Spell(config.ImageType)} is not there yet; convert the image to raw");
    }

    private static void Preallocate(LinuxFile file, FileStatus status, IDeviceLog log)
    {
        int result = status.Size == 0 ? 0 : file.Allocate(FileAllocation.Allocate, 0, status.Size);
        if (result == 0) return;
        if (result == -EOPNOTSUPP)
        {
            log.Warn($"disk image '{file.Path}': its filesystem cannot allocate ahead; sparse=off has no effect");
            return;
        }

        throw new DeviceException(
            $"disk image '{file.Path}' could not be allocated in full (sparse=off); free space or give sparse=on",
            new LinuxException($"fallocate {file.Path}", -result));
    }

    /// <summary>What O_DIRECT asks of addresses and of offsets and lengths; the kernel tells since Linux 6.1.</summary>
    private static DirectUnits FindUnits(LinuxFile file, FileStatus status)
    {
        if (status.DirectMemoryAlignment != 0 && status.DirectOffsetAlignment != 0)
            return new DirectUnits(status.DirectMemoryAlignment, status.DirectOffsetAlignment);
        if (status.Kind == FileKind.BlockDevice) return new DirectUnits(status.LogicalBlock, status.LogicalBlock);

        const uint largest = 4096;
        byte* buffer = (byte*)NativeMemory.AlignedAlloc(2 * largest, largest);
        try
        {
            // One sector at an address that is aligned to no more than that.
            (nint, nint) vector = ((nint)buffer + BlkSpec.SectorSize, BlkSpec.SectorSize);
            uint unit = file.ReadAt(&vector, 1, 0) == -EINVAL ? largest : BlkSpec.SectorSize;
            return new DirectUnits(unit, unit);
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }
}
