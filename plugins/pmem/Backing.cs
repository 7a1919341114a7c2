using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Memory;

namespace Plugvisor.Plugins.Pmem;

/// <summary>
/// The file behind the device, opened, locked and mapped. This process never reads or writes the mapping itself: a page that is lost would end it (SIGBUS). The kernel does
/// on the guest's behalf, and tells of a lost page by an error, which <see cref="Mend"/> takes care of.
/// </summary>
internal sealed class Backing : IDisposable
{
    /// <summary>Guest address, host address and size are multiples of this, so that large pages can be used.</summary>
    public const ulong Alignment = 2 << 20;

    private readonly string _id;
    private readonly FileMapping _mapping;
    private readonly IDeviceLog _log;
    private readonly bool _private;

    private Backing(string id, FileMapping mapping, bool discard, IDeviceLog log)
    {
        _id = id;
        _mapping = mapping;
        _private = discard;
        _log = log;
    }

    /// <summary>Bytes that the guest sees.</summary>
    public ulong Size => _mapping.Size;

    /// <summary>Whether part of the file was cut off under the guest.</summary>
    public bool IsDamaged => _mapping.Intact < Size;

    /// <summary>Bytes from the start that are the file's.</summary>
    public ulong Intact => _mapping.Intact;

    /// <summary>The file.</summary>
    public LinuxFile File => _mapping.File;

    /// <summary>For the host.</summary>
    public HostMapping Mapping => new(_mapping.Memory, Size) { Mend = Mend };

    /// <summary>Opens, locks and maps.</summary>
    /// <exception cref="DeviceException">The file cannot be used.</exception>
    public static Backing Open(string id, Config config, State? before, IDeviceLog log)
    {
        LinuxFile? file = null;
        MemoryMapping? mapping = null;
        try
        {
            file = Open(id, config, out ulong size);
            if (before is not null && (before.Size != size || before.Intact != size))
                throw new DeviceException($"pmem device {id}: file={config.File} gives {size} bytes, but the saved device has {before.Intact} of {before.Size}: is this its file?");
            int flags = (config.DiscardWrites ? MemoryMapping.Private : MemoryMapping.Shared) | MemoryMapping.NoReserve;
            mapping = MemoryMapping.MapAligned((nuint)size, (nuint)Alignment, flags, file.Descriptor, config.File);
            _ = mapping.Advise(MemoryAdvice.DontDump);
            return new Backing(id, new FileMapping(file, mapping, size), config.DiscardWrites, log);
        }
        catch (Exception e)
        {
            mapping?.Dispose();
            file?.Dispose();
            if (e is LinuxException) throw new DeviceException($"pmem device {id}: cannot use file={config.File}", e);
            throw;
        }
    }

    /// <summary>Goes on with what an earlier instance has opened, locked and mapped: the guest keeps its pages, also those that are in no file.</summary>
    /// <exception cref="DeviceException">It cannot be used any more.</exception>
    public static Backing Continue(string id, Config config, State before, SafeHandle inherited, SafeHandle mapping, IDeviceLog log)
    {
        if (mapping is not MemoryMapping memory || memory.Length < before.Size || before.Intact > before.Size)
            throw new DeviceException($"pmem device {id}: the earlier instance has other memory than it has saved");
        try
        {
            var file = new FileMapping(LinuxFile.Duplicate(inherited, config.File), memory, before.Size) { Intact = before.Intact };
            return new Backing(id, file, config.DiscardWrites, log);
        }
        catch (LinuxException e)
        {
            throw new DeviceException($"pmem device {id}: file={config.File} could not be taken over", e);
        }
    }

    /// <summary>Puts what the guest has written on stable storage. Blocks; for the queue's thread.</summary>
    /// <returns>False when that failed, or part of the memory has no file behind it any more.</returns>
    public bool Flush()
    {
        if (IsDamaged) return false;
        if (_private) return true;
        int result = _mapping.File.SyncData();
        if (result == 0) return !IsDamaged;
        _log.GuestTriggered($"a flush of {_mapping.File.Path} failed: {new LinuxException("fdatasync", -result).Message}");
        return false;
    }

    /// <summary>
    /// The file may have been truncated under the guest: puts zeroed pages in the place of those that are gone, so that the guest goes on. Flushes fail from then on, by which
    /// the guest's file system learns of it. Host's threads, one at a time.
    /// </summary>
    public bool Mend()
    {
        if (!_mapping.Mend(out ulong now)) return false;
        _log.Warn($"{_mapping.File.Path} was cut to {now} bytes while the guest of pmem device {_id} used {Size}: the guest finds zeros behind that, and its flushes fail. " +
            "Restart the VM once the file is whole again");
        return true;
    }

    /// <summary>
    /// Closes and, as soon as the host has let go of it, unmaps. The lock is the open file's: it goes with the last descriptor and mapping of it, which may be those of a successor.
    /// </summary>
    public void Dispose()
    {
        _mapping.Memory.Dispose();
        _mapping.File.Dispose();
    }

    private static LinuxFile Open(string id, Config config, out ulong size)
    {
        string path = config.File;
        if (System.IO.Directory.Exists(path))
        {
            size = config.Size ?? throw new DeviceException($"pmem device {id}: file={path} is a directory, so size= has to say how large the file in it is to be");
            CheckSize(id, size, path);
            LinuxFile unnamed = LinuxFile.CreateUnnamed(path);
            try
            {
                unnamed.SetLength(size);
                return unnamed;
            }
            catch
            {
                unnamed.Dispose();
                throw;
            }
        }

        LinuxFile file = LinuxFile.Open(path, config.DiscardWrites ? FileOpen.Read : FileOpen.Write);
        try
        {
            FileStatus status = file.ReadStatus();
            if (status.Kind == FileKind.Other) throw new DeviceException($"pmem device {id}: file={path} is neither a file nor a block device nor a directory");
            size = config.Size ?? status.Size;
            CheckSize(id, size, path);
            if (size > status.Size)
                throw new DeviceException($"pmem device {id}: file={path} has {status.Size} bytes, fewer than size={size}; make it longer with truncate -s {size}");
            Lock(id, file, config.DiscardWrites);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void CheckSize(string id, ulong size, string path)
    {
        if (size == 0) throw new DeviceException($"pmem device {id}: file={path} of 0 bytes; give a size= of at least 2 MiB or make the file longer");
        if (size > long.MaxValue) throw new DeviceException($"pmem device {id}: {size} bytes of file={path} are more than a file can have; give a smaller size=");
        if (size % Alignment == 0) return;
        throw new DeviceException($"pmem device {id}: {size} bytes of file={path} are not a multiple of 2 MiB; give another size= or make the file longer");
    }

    private static void Lock(string id, LinuxFile file, bool read)
    {
        bool locked;
        try
        {
            locked = file.TryLock(read ? FileLock.Read : FileLock.Write, 0, 0);
        }
        catch (LinuxException e)
        {
            throw new DeviceException($"pmem device {id}: '{file.Path}' could not be locked: its filesystem has no file locks", e);
        }

        if (locked) return;
        throw new DeviceException(
            $"pmem device {id}: '{file.Path}' could not be locked for {(read ? "reading: somebody writes to it" : "writing: somebody else uses it; with discard_writes=on several can")}");
    }
}
