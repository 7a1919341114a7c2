using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Memory;

namespace Plugvisor.Machine.Memory;

/// <summary>
/// Owns the host memory behind guest RAM: one file, one mapping, cut into the ranges of the memory map. Disposed last of all,
/// after every vCPU and device has stopped, because nothing checks pointers into it.
/// </summary>
/// <remarks>
/// RAM is a memfd mapped shared, also where nobody asked to share it: it costs nothing more, another process can be given it, and
/// a private mapping of a file would take two pages for each page that the guest writes. Only merging (KSM) and accounting by the
/// kernel work on private anonymous memory alone, so these two get that.
/// </remarks>
public sealed class GuestRam : IDisposable
{
    private const int ENOMEM = 12, EINVAL = 22, ENOSYS = 38;
    private const ulong HugePageAlignment = 2 << 20;
    private const ulong Page = 4096;

    private readonly MemFd? _file;
    private readonly MemoryMapping _mapping;
    private readonly MemorySlot[] _slots;

    private readonly ulong _pageSize;

    private GuestRam(MemFd? file, MemoryMapping mapping, MemoryMap map, ulong pageSize)
    {
        _pageSize = pageSize;
        _file = file;
        _mapping = mapping;
        int descriptor = file?.Descriptor ?? -1;
        var low = new GuestRegion(map.LowRam.Start, (nuint)map.LowRam.Length, mapping.Address, descriptor);
        var lowSlot = new MemorySlot(0, low.GuestAddress, low.Length, low.HostAddress);
        if (map.HighRam.IsEmpty)
        {
            _slots = [lowSlot];
            GuestRegion[] one = [low];
            Memory = new GuestMemory(one);
            return;
        }

        var high = new GuestRegion(
            map.HighRam.Start, (nuint)map.HighRam.Length, mapping.Address + (nint)low.Length, descriptor, low.Length);
        _slots = [lowSlot, new MemorySlot(1, high.GuestAddress, high.Length, high.HostAddress)];
        GuestRegion[] both = [low, high];
        Memory = new GuestMemory(both);
    }

    /// <summary>Guest RAM for devices, loaders and table builders.</summary>
    public GuestMemory Memory { get; }

    /// <summary>The same ranges for the hypervisor, numbered from 0.</summary>
    public ReadOnlySpan<MemorySlot> Slots => _slots;

    /// <summary>Gives a VM all slots.</summary>
    /// <exception cref="HypervisorException">The kernel refuses.</exception>
    public void MapInto(IVm vm)
    {
        MemorySlot[] slots = _slots;    // not the span: code for it would be compiled at run time, when the VM starts
        for (int i = 0; i < slots.Length; i++) vm.SetMemorySlot(slots[i]);
    }

    /// <summary>Whether another process can be given the RAM's descriptor (<see cref="GuestRegion.BackingFd"/>).</summary>
    public bool IsShareable => _file is not null;

    /// <summary>
    /// Gives the memory behind a range back to the host, which fills it with zeroes at the next touch. Whole pages of the size in use only. Any thread.
    /// </summary>
    /// <param name="address">Guest-physical address, untrusted.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>False when the range is not inside one slot, or the kernel refuses.</returns>
    public bool Release(ulong address, ulong length)
    {
        foreach (ref readonly MemorySlot slot in _slots.AsSpan())
        {
            ulong offset = address - slot.GuestAddress;    // huge when below the slot
            if (offset >= slot.Length || length > slot.Length - offset) continue;
            ulong start = (ulong)(slot.HostAddress - _mapping.Address) + offset, end = start + length;
            start = (start + _pageSize - 1) & ~(_pageSize - 1);
            end &= ~(_pageSize - 1);
            // Pages of a file stay in the file when they are only unmapped: there it has to be a hole in the file.
            return start >= end || _mapping.Advise(_file is null ? MemoryAdvice.DontNeed : MemoryAdvice.Remove, (nuint)start, (nuint)(end - start)) == 0;
        }

        return false;
    }

    /// <summary>Allocates RAM for the ranges of <paramref name="map"/>.</summary>
    /// <exception cref="GuestRamException">The options contradict each other, or the host cannot give what they ask for.</exception>
    public static GuestRam Allocate(MemoryMap map, GuestRamOptions options)
    {
        ulong size = map.RamSize;
        if (options.Shared && options.Mergeable)
            throw new GuestRamException("memory cannot be shared and mergeable at once: the kernel merges private pages only");
        ulong hugePageSize = options.HugePages ? HugePageSize(options, size) : 0;
        if (options.HugePageSize is not null && !options.HugePages)
            throw new GuestRamException("memory hugepage_size needs hugepages=on");
        if (options.Prefault && hugePageSize == 0) CheckAvailable(size);

        MemFd? file = null;
        MemoryMapping? mapping = null;
        try
        {
            bool asFile = options.Shared || options.HugePages || !(options.Mergeable || options.Reserve);
            if (asFile)
            {
                file = MemFd.Create("guest-ram", size, hugePageSize);
                file.EndSealing();
            }

            // Huge pages are always reserved: one that is missing later is not an error but a SIGBUS in the middle of the guest.
            bool reserve = options.Reserve || options.HugePages;
            int flags = (asFile ? MemoryMapping.Shared : MemoryMapping.Private | MemoryMapping.Anonymous) |
                (reserve ? 0 : MemoryMapping.NoReserve);
            // Guest and host address agree in their low bits, so that one huge page of the host can back one of the guest.
            mapping = MemoryMapping.MapAligned(
                (nuint)size, (nuint)Math.Max(hugePageSize, HugePageAlignment), flags, file?.Descriptor ?? -1, "guest memory");

            // Wishes: a kernel without the feature says EINVAL, and the guest runs all the same.
            if (options.Mergeable) _ = mapping.Advise(MemoryAdvice.Mergeable);
            if (options.TransparentHugePages && hugePageSize == 0) _ = mapping.Advise(MemoryAdvice.HugePage);
            _ = mapping.Advise(MemoryAdvice.DontDump);
            if (options.Prefault) Populate(mapping, size);
            return new GuestRam(file, mapping, map, Math.Max(hugePageSize, Page));
        }
        catch (LinuxException e)
        {
            mapping?.Dispose();
            file?.Dispose();
            throw Explain(e, size, hugePageSize);
        }
        catch
        {
            mapping?.Dispose();
            file?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        _file?.Dispose();
    }

    private static ulong HugePageSize(GuestRamOptions options, ulong size)
    {
        ulong page;
        if (options.HugePageSize is { } asked)
        {
            if (!ulong.IsPow2(asked)) throw new GuestRamException($"memory hugepage_size {asked} is not a power of two");
            if (!HostMemory.HasHugePageSize(asked))
            {
                string sizes = HostMemory.HugePageSizes();
                throw new GuestRamException($"the host has no huge pages of {ByteSize.Format(asked)}" +
                    (sizes.Length > 0 ? $", only of {sizes}" : " or any other size"));
            }

            page = asked;
        }
        else
        {
            page = HostMemory.DefaultHugePageSize() ??
                throw new GuestRamException("the host's kernel has no huge pages: use hugepages=off");
        }

        if (size % page != 0)
            throw new GuestRamException($"memory size {ByteSize.Format(size)} is not a multiple of the huge page size {ByteSize.Format(page)}");
        return page;
    }

    private static void CheckAvailable(ulong size)
    {
        // Asking the kernel for more than there is would not fail but wake its out-of-memory killer.
        if (HostMemory.Available() is { } available && size > available)
        {
            throw new GuestRamException(
                $"{ByteSize.Format(size)} of guest memory cannot be prefaulted: the host has {ByteSize.Format(available & ~0xFFFFFUL)} available. " +
                "Lower the size or use prefault=off");
        }
    }

    private static void Populate(MemoryMapping mapping, ulong size)
    {
        const ulong Chunk = 256 << 20;
        int threads = (int)Math.Min((ulong)Math.Min(Environment.ProcessorCount, 16), (size + Chunk - 1) / Chunk);
        ulong next = 0;
        int failure = 0;
        void Work()
        {
            while (Volatile.Read(ref failure) == 0)
            {
                ulong start = Interlocked.Add(ref next, Chunk) - Chunk;
                if (start >= size) return;
                int errno = mapping.Advise(MemoryAdvice.PopulateWrite, (nuint)start, (nuint)Math.Min(Chunk, size - start));
                if (errno is EINVAL or ENOSYS) errno = Touch(mapping, start, Math.Min(Chunk, size - start));
                if (errno != 0) Volatile.Write(ref failure, errno);
            }
        }

        var helpers = new Thread[threads - 1];
        for (int i = 0; i < helpers.Length; i++)
        {
            helpers[i] = new Thread(Work) { Name = "prefault", IsBackground = true };
            helpers[i].Start();
        }

        Work();
        foreach (Thread helper in helpers) helper.Join();
        if (failure != 0) throw new LinuxException("prefault guest memory", failure);
    }

    private static unsafe int Touch(MemoryMapping mapping, ulong start, ulong length)
    {
        // Before Linux 5.14. Nobody else knows of the memory yet, so writing the zero that is there changes nothing.
        // SAFETY: the caller's range lies in the mapping.
        for (ulong at = start; at < start + length; at += 4096) Volatile.Write(ref *((byte*)mapping.Address + at), 0);
        return 0;
    }

    private static GuestRamException Explain(LinuxException e, ulong size, ulong hugePageSize)
    {
        if (e.Errno == ENOMEM && hugePageSize != 0)
        {
            ulong needed = size / hugePageSize, free = HostMemory.FreeHugePages(hugePageSize);
            ulong pool = HostMemory.PoolSize(hugePageSize) + (needed > free ? needed - free : 0);
            return new GuestRamException(
                $"not enough huge pages: {ByteSize.Format(size)} of guest memory needs {needed} of {ByteSize.Format(hugePageSize)}, " +
                $"the host has {free} free. Reserve them with: echo {pool} | sudo tee {HostMemory.PoolFile(hugePageSize)}", e);
        }

        if (e.Errno == ENOMEM)
        {
            string available = HostMemory.Available() is { } bytes ? $" (available: {ByteSize.Format(bytes & ~0xFFFFFUL)})" : "";
            return new GuestRamException($"the host has not enough memory for {ByteSize.Format(size)} of guest memory{available}", e);
        }

        return new GuestRamException($"cannot allocate {ByteSize.Format(size)} of guest memory: {e.Message}", e);
    }
}
