using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Memory;

namespace Plugvisor.Plugins.Ivshmem;

/// <summary>
/// The device: BAR 0 has registers that a device without interrupts has no use for, BAR 2 is the memory. The guest uses it with no exit, so there is nothing to do while it runs, and
/// nothing to pause or save. The file is not locked: to be written by many is its purpose.
/// </summary>
internal sealed class Device : IPciDevice, IPciMemoryBars
{
    private const ushort Vendor = 0x1af4, Product = 0x1110;
    private const byte Plain = 1;                   // revision of ivshmem-plain; 0 was the variant with legacy interrupts
    private const uint RamController = 0x050000;    // PCI Code and ID Assignment 1.9, section 1.6
    private const int RegisterBar = 0, MemoryBar = 2;
    private const ulong Registers = 0x100, PageSize = 4096;

    private readonly string _id;
    private readonly IDeviceLog _log;
    private readonly FileMapping _mapping;

    /// <summary>Opens and maps the file.</summary>
    /// <exception cref="DeviceException">It cannot be used.</exception>
    public Device(string id, Config config, IDeviceLog log)
    {
        _id = id;
        _log = log;
        _mapping = Map(id, config);
        Traits = new PciTraits
        {
            VendorId = Vendor,
            DeviceId = Product,
            ClassCode = RamController,
            Revision = Plain,
            SubsystemVendorId = Vendor,
            SubsystemId = 0x1100,
            Bars = [new PciBarTraits(RegisterBar, PciBarKind.Memory32, Registers), new PciBarTraits(MemoryBar, PciBarKind.Memory64, config.Size, Prefetchable: true)],
        };
        BarMemory = [new PciBarMemory(MemoryBar, 0, new HostMapping(_mapping.Memory, config.Size) { Mend = Mend })];
    }

    /// <inheritdoc/>
    public PciTraits Traits { get; }

    /// <inheritdoc/>
    public IReadOnlyList<PciBarMemory> BarMemory { get; }

    /// <inheritdoc/>
    public void Attach(IPciTransport transport) { }

    /// <summary>Interrupt mask and status, the position among peers: all 0 without interrupts. So is what is reserved.</summary>
    public void ReadBar(int bar, ulong offset, Span<byte> destination) => destination.Clear();

    /// <summary>The doorbell leads nowhere.</summary>
    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Memory.Dispose();
        _mapping.File.Dispose();
    }

    private static FileMapping Map(string id, Config config)
    {
        ulong size = config.Size;
        if (!ulong.IsPow2(size) || size < PageSize)
            throw new DeviceException($"ivshmem device {id}: size={size} is not possible: it has to be a power of two, at least {PageSize}");
        LinuxFile? file = null;
        try
        {
            file = LinuxFile.Open(config.Path, FileOpen.Write);
            FileStatus status = file.ReadStatus();
            if (status.Kind != FileKind.Regular) throw new DeviceException($"ivshmem device {id}: path={config.Path} is no file");
            if (status.Size < size)
                throw new DeviceException($"ivshmem device {id}: path={config.Path} has {status.Size} bytes, fewer than size={size}; make it longer with truncate -s {size}");
            MemoryMapping memory = MemoryMapping.Map((nuint)size, MemoryMapping.ReadWrite, MemoryMapping.Shared, file.Descriptor, 0, config.Path);
            return new FileMapping(file, memory, size);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is LinuxException) throw new DeviceException($"ivshmem device {id}: cannot use path={config.Path}", e);
            throw;
        }
    }

    /// <summary>Somebody may have cut the file.</summary>
    private bool Mend()
    {
        if (!_mapping.Mend(out ulong now)) return false;
        _log.Warn($"{_mapping.File.Path} was cut to {now} bytes while the guest of ivshmem device {_id} used {_mapping.Size}: the guest shares only what is left, and finds memory of its own behind that");
        return true;
    }
}
