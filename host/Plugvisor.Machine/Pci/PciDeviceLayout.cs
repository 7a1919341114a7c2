using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Pci.Msix;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// Makes configuration space and BARs of a plugin's PCI device from its traits, and says in words what is impossible about them: a bug of the plugin.
/// </summary>
internal static class PciDeviceLayout
{
    private const ushort Nobody = 0xffff;

    /// <summary>The header. The BARs are placed and enabled, as firmware would leave them.</summary>
    /// <exception cref="DeviceException">The traits are impossible.</exception>
    public static PciConfigSpace MakeConfig(string id, PciTraits traits)
    {
        if (traits.VendorId is Nobody or 0) throw Wrong(id, $"vendor id 0x{traits.VendorId:x4}, which no device can have");
        if (traits.ClassCode > 0xff_ffff) throw Wrong(id, $"class code 0x{traits.ClassCode:x}, which has more than 24 bits");
        var config = new PciConfigSpace(
            traits.VendorId, traits.DeviceId, traits.ClassCode, traits.Revision, traits.SubsystemVendorId, traits.SubsystemId);
        ushort command = 0;
        foreach (PciBarTraits bar in traits.Bars) command |= bar.Kind == PciBarKind.Io ? PciRegisters.CommandIo : PciRegisters.CommandMemory;
        if (traits.Msix is not null) command |= PciRegisters.CommandMemory;
        config.Set16(PciRegisters.Command, command);
        return config;
    }

    /// <summary>Adds the device's BARs.</summary>
    /// <exception cref="DeviceException">The traits are impossible.</exception>
    public static void AddBars(string id, PciTraits traits, PciBars bars)
    {
        foreach (PciBarTraits bar in traits.Bars)
        {
            try
            {
                bars.Add(bar.Index, bar.Kind, bar.Size, bar.Prefetchable);
            }
            catch (ArgumentException e)
            {
                throw Wrong(id, $"BARs that cannot be: {e.Message}");
            }
        }
    }

    /// <summary>Keeps the device's own registers free, then adds its capabilities where they want to be.</summary>
    /// <exception cref="DeviceException">The traits are impossible.</exception>
    public static void AddCapabilities(string id, PciTraits traits, PciConfigSpace config)
    {
        foreach (PciConfigRange range in traits.OwnedConfig)
        {
            long end = (long)range.Offset + range.Length;
            if (range.Offset % 4 != 0 || range.Length % 4 != 0 || range.Length <= 0 || range.Offset < PciRegisters.FirstCapability || end > PciConfigSpace.Size)
            {
                throw Wrong(id, $"configuration registers of its own at 0x{range.Offset:x}, 0x{range.Length:x} bytes; they are whole dwords from 0x40 to 0xfff");
            }

            config.Reserve(range.Offset, range.Length);
        }

        // What was asked for by address first, so that nothing else takes the place; the list keeps the order of the declaration.
        ulong placed = 0;
        foreach (PciCapability capability in traits.Capabilities)
        {
            if (capability.Offset is not { } at) continue;
            int length = Length(capability);
            if (at % 4 != 0 || at < PciRegisters.FirstCapability || at + length > PciRegisters.ConventionalEnd)
                throw Wrong(id, $"a capability of {length} bytes at 0x{at:x}; they lie at multiples of 4 from 0x40 to 0xff");
            ulong bits = PciConfigSpace.Dwords(at, length);
            if ((placed & bits) != 0) throw Wrong(id, $"two capabilities at 0x{at:x}");
            placed |= bits;
            config.Reserve(at, length);
        }

        foreach (PciCapability capability in traits.Capabilities)
        {
            try
            {
                config.AddCapability(capability.Id, capability.Body.Span, capability.Offset);
            }
            catch (InvalidOperationException e)
            {
                throw Wrong(id, $"too many capabilities: {e.Message}");
            }
        }
    }

    private static int Length(PciCapability capability) => (2 + capability.Body.Length + 3) & ~3;

    /// <summary>Where table and pending bits go; adds a BAR for them when the device has no wish.</summary>
    /// <exception cref="DeviceException">The traits are impossible.</exception>
    public static PciMsixPlacement PlaceMsix(string id, PciMsixTraits msix, PciBars bars)
    {
        if (msix.Vectors is < 1 or > MsixTable.MaxVectors)
            throw Wrong(id, $"{msix.Vectors} interrupts; 1 to {MsixTable.MaxVectors} are possible");
        ulong table = (ulong)msix.Vectors * MsixTable.EntrySize, pending = MsixWindow.PendingLength(msix.Vectors);
        if (msix.Placement is not { } wish)
        {
            for (int i = 0; i < 6; i++)
            {
                if (!bars.IsFree(i)) continue;
                bars.Add(i, PciBarKind.Memory32, Math.Max(table + pending, 0x1000));
                return new PciMsixPlacement(i, 0, (uint)table);
            }

            throw Wrong(id, "six BARs and no place for its MSI-X table");
        }

        if (bars[wish.Bar] is not { IsIo: false } bar) throw Wrong(id, $"an MSI-X table in BAR {wish.Bar}, which is no memory BAR of it");
        if (wish.TableOffset % 8 != 0 || wish.PendingOffset % 8 != 0 || wish.TableOffset + table > bar.Length || wish.PendingOffset + pending > bar.Length
            || (wish.TableOffset < wish.PendingOffset + pending && wish.PendingOffset < wish.TableOffset + table))
        {
            throw Wrong(id, $"MSI-X table and pending bits at 0x{wish.TableOffset:x} and 0x{wish.PendingOffset:x}, which do not fit in BAR {wish.Bar} one beside the other");
        }

        return wish;
    }

    private static DeviceException Wrong(string id, string what) => new($"device {id} declares {what}");
}
