namespace Plugvisor.Machine.Memory;

/// <summary>
/// Where everything lies in guest-physical space. Pure arithmetic on the RAM size and the width of addresses; immutable.
/// Guests, and snapshots of them, rely on these numbers: they are Cloud Hypervisor's for x86-64.
/// </summary>
public sealed class MemoryMap
{
    /// <summary>First byte after conventional memory. RAM goes on behind it, but the guest does not count it: firmware tables live there.</summary>
    public const ulong LowMemoryEnd = 0xA_0000;

    /// <summary>Where RAM above the firmware tables starts (1 MiB), and where a bzImage is loaded.</summary>
    public const ulong HighMemoryStart = 0x10_0000;

    /// <summary>RAM stops here (3 GiB) and goes on at <see cref="FourGiB"/>; between them are devices.</summary>
    public const ulong HoleStart = 0xC000_0000;

    /// <summary>End of the hole.</summary>
    public const ulong FourGiB = 0x1_0000_0000;

    /// <summary>PCI configuration space (ECAM) of segment 0; 1 MiB for each segment.</summary>
    public const ulong EcamStart = 0xE800_0000;

    /// <summary>Room for the configuration space of all segments.</summary>
    public const ulong EcamLength = 0x1000_0000;

    /// <summary>ECAM bytes of one segment: one bus.</summary>
    public const ulong EcamSegmentLength = 0x10_0000;

    /// <summary>Three pages that KVM on Intel needs for a TSS.</summary>
    public const ulong KvmTss = 0xF800_0000;

    /// <summary>A page that KVM on Intel needs for an identity page table.</summary>
    public const ulong KvmIdentityMap = 0xF800_3000;

    /// <summary>IOAPIC registers, 0x20 bytes.</summary>
    public const ulong Ioapic = 0xFEC0_0000;

    /// <summary>TPM CRB registers, 0x1000 bytes.</summary>
    public const ulong Tpm = 0xFED4_0000;

    /// <summary>Local APICs, and where MSIs are written to.</summary>
    public const ulong LocalApic = 0xFEE0_0000;

    /// <summary>The least RAM that the boot structures and a small kernel fit in.</summary>
    public const ulong MinimumRam = 2 << 20;

    private const ulong Page = 4096;
    private const ulong DeviceAreaAlignment = 128 << 20;    // memory blocks of Linux on x86-64: hot-plugged RAM starts at one
    private const ulong PlatformAreaLength = 1 << 20;
    private const ulong TopReserved = 1 << 16;

    /// <summary>Lays out a machine.</summary>
    /// <param name="ramSize">Bytes of RAM at boot, a multiple of 4 KiB.</param>
    /// <param name="physicalAddressBits">Width of guest-physical addresses: the lesser of the host's and the configured one.</param>
    /// <param name="hotplugSize">Bytes of address space kept for RAM that is added later; 0 for none.</param>
    /// <param name="acpiMemoryHotplug">Whether that RAM is added through ACPI, which needs a controller, rather than virtio-mem.</param>
    /// <exception cref="GuestRamException">The sizes are wrong or do not fit in the address space.</exception>
    public MemoryMap(ulong ramSize, byte physicalAddressBits, ulong hotplugSize = 0, bool acpiMemoryHotplug = true)
    {
        if (ramSize % Page != 0)
            throw new GuestRamException($"memory size {ramSize} is not a multiple of 4 KiB");
        if (ramSize < MinimumRam)
            throw new GuestRamException($"memory size {ramSize} is too small: the least is {ByteSize.Format(MinimumRam)}");
        if (hotplugSize % Page != 0)
            throw new GuestRamException($"memory hotplug_size {hotplugSize} is not a multiple of 4 KiB");
        if (physicalAddressBits is < 33 or > 52)
            throw new GuestRamException($"physical addresses of {physicalAddressBits} bits are not possible: 33 to 52 are");

        ulong addressSpace = (1UL << physicalAddressBits) - TopReserved;
        ulong room = addressSpace - PlatformAreaLength;
        LowRam = new AddressRange(0, Math.Min(ramSize, HoleStart));
        ulong high = ramSize - LowRam.Length;
        // Checked one after the other, each against what is left, so that no sum can wrap.
        if (high > room - FourGiB) throw DoesNotFit(ramSize, hotplugSize, physicalAddressBits);
        HighRam = high == 0 ? default : new AddressRange(FourGiB, high);

        ulong next = AlignUp(FourGiB + high, DeviceAreaAlignment);
        if (next >= room || hotplugSize > room - next) throw DoesNotFit(ramSize, hotplugSize, physicalAddressBits);
        Hotplug = hotplugSize == 0 ? default : new AddressRange(next, hotplugSize);
        next = AlignUp(next + hotplugSize, DeviceAreaAlignment);
        if (next >= room) throw DoesNotFit(ramSize, hotplugSize, physicalAddressBits);

        PhysicalAddressBits = physicalAddressBits;
        Window32 = new AddressRange(HoleStart, EcamStart - HoleStart);
        Window64 = new AddressRange(next, room - next);
        PlatformArea = new AddressRange(room, PlatformAreaLength);

        // Top-down, a page each, in this order: the guest sees the addresses in its tables only.
        ulong top = PlatformArea.End;
        if (hotplugSize > 0 && acpiMemoryHotplug) MemoryHotplugController = top -= Page;
        PciHotplugController = top -= Page;
        CpuHotplugController = top -= Page;
        GenericEventController = top - Page;

        var low = new E820Entry(new AddressRange(0, LowMemoryEnd), E820Type.Ram);
        var main = new E820Entry(new AddressRange(HighMemoryStart, LowRam.End - HighMemoryStart), E820Type.Ram);
        var ecam = new E820Entry(new AddressRange(EcamStart, EcamLength), E820Type.Reserved);
        E820Entries = HighRam.IsEmpty ? [low, main, ecam] : [low, main, ecam, new E820Entry(HighRam, E820Type.Ram)];
    }

    /// <summary>Width of guest-physical addresses.</summary>
    public byte PhysicalAddressBits { get; }

    /// <summary>RAM from address 0, at most up to 3 GiB. Its part from 0xA0000 to 1 MiB holds the firmware tables.</summary>
    public AddressRange LowRam { get; }

    /// <summary>RAM from 4 GiB; empty when all fits below 3 GiB.</summary>
    public AddressRange HighRam { get; }

    /// <summary>Bytes of RAM at boot.</summary>
    public ulong RamSize => LowRam.Length + HighRam.Length;

    /// <summary>Kept for RAM that is added later; empty when none can be.</summary>
    public AddressRange Hotplug { get; }

    /// <summary>Where 32-bit BARs of all segments are placed (640 MiB).</summary>
    public AddressRange Window32 { get; }

    /// <summary>Where 64-bit BARs of all segments are placed.</summary>
    public AddressRange Window64 { get; }

    /// <summary>1 MiB for the platform's own MMIO registers, below the last 64 KiB of the address space.</summary>
    public AddressRange PlatformArea { get; }

    /// <summary>ACPI memory hot-plug registers (0x18 bytes), or 0 when there is no such controller.</summary>
    public ulong MemoryHotplugController { get; }

    /// <summary>ACPI PCI hot-plug registers (0x10 bytes).</summary>
    public ulong PciHotplugController { get; }

    /// <summary>ACPI CPU hot-plug registers (0xC bytes).</summary>
    public ulong CpuHotplugController { get; }

    /// <summary>The generic event device's status byte.</summary>
    public ulong GenericEventController { get; }

    /// <summary>The memory map that the guest's kernel gets, ascending.</summary>
    public ReadOnlySpan<E820Entry> E820 => E820Entries;

    /// <summary>The same for the start path: code for spans of our own structs would be compiled at run time.</summary>
    internal E820Entry[] E820Entries { get; }

    /// <summary>
    /// Divides a window between PCI segments by weight. Each share is a multiple of <paramref name="granularity"/>, the last takes
    /// what is left over as well.
    /// </summary>
    /// <param name="window"><see cref="Window32"/> or <see cref="Window64"/>.</param>
    /// <param name="weights">One a segment, each at least 1.</param>
    /// <param name="granularity">4 KiB for the 32-bit window, 4 GiB for the 64-bit one.</param>
    /// <param name="shares">Receives one range a segment; empty where the window is too small for a share.</param>
    public static void Divide(AddressRange window, ReadOnlySpan<uint> weights, ulong granularity, Span<AddressRange> shares)
    {
        if (shares.Length != weights.Length) throw new ArgumentException("one share a weight", nameof(shares));
        ulong total = 0;
        foreach (uint weight in weights) total += weight;
        if (total == 0) return;

        ulong unit = window.Length / (granularity * total) * granularity;
        ulong start = window.Start;
        for (int i = 0; i < weights.Length; i++)
        {
            ulong length = i == weights.Length - 1 ? window.End - start : unit * weights[i];
            shares[i] = length == 0 ? default : new AddressRange(start, length);
            start += length;
        }
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + (alignment - 1)) & ~(alignment - 1);

    private static GuestRamException DoesNotFit(ulong ramSize, ulong hotplugSize, byte bits) =>
        new($"{ByteSize.Format(ramSize)} of memory" +
            (hotplugSize > 0 ? $" and a hotplug_size of {ByteSize.Format(hotplugSize)}" : "") +
            $" do not fit in guest addresses of {bits} bits: lower them, or raise max_phys_bits if the host has more");
}
