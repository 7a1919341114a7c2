using Plugvisor.Machine.Acpi.Aml;
using Plugvisor.Machine.Hotplug;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Acpi;

/// <summary>PCI segments with their slots, the hot-plug controller that serves them, and the reservation of configuration space.</summary>
internal static class DsdtPci
{
    // E5C937D0-3553-4D7A-9117-EA4D19C3434D in the byte order of ToUUID (ACPI 6.3, section 19.6.142): PCI device labeling.
    private static ReadOnlySpan<byte> DeviceLabeling =>
        [0xD0, 0x37, 0xC9, 0xE5, 0x53, 0x35, 0x7A, 0x4D, 0x91, 0x17, 0xEA, 0x4D, 0x19, 0xC3, 0x43, 0x4D];

    private const int DeviceCheck = 1, EjectRequest = 3;

    /// <summary>Writes the devices.</summary>
    public static void Write(AmlWriter aml, MachineDescription machine)
    {
        WriteController(aml, machine);
        for (int i = 0; i < machine.Segments.Length; i++) WriteSegment(aml, machine.Segments[i]);
        WriteReservation(aml, machine);
    }

    private static void WriteController(AmlWriter aml, MachineDescription machine)
    {
        ulong address = machine.Map.PciHotplugController;
        Span<byte> path = stackalloc byte[15];
        "\\_SB_.PCxx.PCNT"u8.CopyTo(path);
        using (aml.Device("\\_SB_.PHPR"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0A06"u8);
            aml.NewName("_STA"u8).Integer(0x0B);            // present, enabled, working, not shown
            aml.NewName("_UID"u8).String("PCI Hotplug Controller"u8);
            aml.Mutex("BLCK"u8);
            WriteRegisters(aml, address, PciHotplugController.Length);
            aml.Region("PCST"u8, AmlRegionSpace.SystemMemory, address, PciHotplugController.Length);
            using (aml.Fields("PCST"u8, AmlFieldAccess.DWord, AmlFieldUpdate.WriteAsZeroes))
                aml.FieldUnit("PCIU"u8, 32).FieldUnit("PCID"u8, 32).FieldUnit("B0EJ"u8, 32).FieldUnit("PSEG"u8, 32);

            // PCEJ(slot, segment): lets go of the device in a slot.
            using (aml.Method("PCEJ"u8, 2, serialized: true))
            {
                aml.Acquire("BLCK"u8);
                aml.Store().Argument(1).Name("PSEG"u8);
                aml.ShiftLeft().One().Argument(0).Name("B0EJ"u8);
                aml.Release("BLCK"u8);
                aml.Return().Zero();
            }

            // PSCN(): something came or is to go in some slot of some segment.
            using (aml.Method("PSCN"u8, 0, serialized: true))
            {
                for (int i = 0; i < machine.Segments.Length; i++)
                {
                    SegmentName(path[6..], machine.Segments[i].Id);
                    aml.Name(path);
                }
            }
        }
    }

    private static void WriteSegment(AmlWriter aml, PciSegmentDescription segment)
    {
        Span<byte> path = stackalloc byte[10];
        "\\_SB_."u8.CopyTo(path);
        SegmentName(path[6..], segment.Id);
        using (aml.Device(path))
        {
            aml.NewName("_HID"u8).EisaId("PNP0A08"u8);
            aml.NewName("_CID"u8).EisaId("PNP0A03"u8);
            aml.NewName("_SEG"u8).Integer((ulong)segment.Id);
            aml.NewName("_UID"u8).Integer((ulong)segment.Id);
            aml.NewName("_CCA"u8).One();
            aml.NewName("SUPP"u8).Zero();
            WriteDsm(aml);
            WriteWindows(aml, segment);
            WriteSlots(aml);
            WriteRouting(aml);
        }
    }

    /// <summary>
    /// _DSM of PCI device labeling: function 5 answers 0, "keep what the firmware configured", and function 0 says that 5 is there
    /// (PCI Firmware specification 3.2, section 4.6).
    /// </summary>
    private static void WriteDsm(AmlWriter aml)
    {
        using (aml.Method("_DSM"u8, 4, serialized: false))
        {
            using (aml.If())
            {
                aml.Equal().Argument(0).Buffer(DeviceLabeling);
                using (aml.If())
                {
                    aml.Equal().Argument(2).Zero();
                    aml.Return().Buffer([0x21]);
                }

                using (aml.If())
                {
                    aml.Equal().Argument(2).Integer(5);
                    aml.Return().Zero();
                }
            }

            aml.Return().Buffer([0]);
        }
    }

    private static void WriteWindows(AmlWriter aml, PciSegmentDescription segment)
    {
        var resources = new ResourceTemplate(stackalloc byte[256]);
        resources.BusNumbers(0, 0);
        if (segment.Id == 0) resources.Io(0xCF8, 0xCF8, 1, 8);
        AddressRange low = segment.Window32, high = segment.Window64;
        if (!low.IsEmpty) resources.MemoryWindow32((uint)low.Start, (uint)(low.End - 1));
        if (!high.IsEmpty) resources.MemoryWindow64(high.Start, high.End - 1);
        if (segment.Id == 0)
        {
            resources.IoWindow(0, 0xCF7);
            resources.IoWindow(0xD00, 0xFFFF);
        }

        aml.NewName("_CRS"u8).Buffer(resources.End());
    }

    private static void WriteSlots(AmlWriter aml)
    {
        Span<byte> name = stackalloc byte[NumberedName.Length];
        for (int slot = 0; slot < PciSegmentDescription.Slots; slot++)
        {
            using (aml.Device(NumberedName.Decimal(name, 'S', slot)))
            {
                aml.NewName("_SUN"u8).Integer((ulong)slot);
                aml.NewName("_ADR"u8).Integer((ulong)slot << 16);
                using (aml.Method("_EJ0"u8, 1, serialized: true))
                    aml.Name("\\_SB_.PHPR.PCEJ"u8).Name("_SUN"u8).Name("_SEG"u8);
            }
        }

        // DVNT(slots, value): notifies each slot whose bit is set.
        using (aml.Method("DVNT"u8, 2, serialized: true))
        {
            for (int slot = 0; slot < PciSegmentDescription.Slots; slot++)
            {
                using (aml.If())
                {
                    aml.And().Argument(0).Integer(1UL << slot).NoTarget();
                    aml.Notify().Name(NumberedName.Decimal(name, 'S', slot)).Argument(1);
                }
            }
        }

        // PCNT(): asks the controller what happened in this segment; reading clears it.
        using (aml.Method("PCNT"u8, 0, serialized: true))
        {
            aml.Acquire("\\_SB_.PHPR.BLCK"u8);
            aml.Store().Name("_SEG"u8).Name("\\_SB_.PHPR.PSEG"u8);
            aml.Name("DVNT"u8).Name("\\_SB_.PHPR.PCIU"u8).Integer(DeviceCheck);
            aml.Name("DVNT"u8).Name("\\_SB_.PHPR.PCID"u8).Integer(EjectRequest);
            aml.Release("\\_SB_.PHPR.BLCK"u8);
        }
    }

    private static void WriteRouting(AmlWriter aml)
    {
        aml.NewName("_PRT"u8);
        using (aml.Package(PciSegmentDescription.Slots))
        {
            for (int slot = 0; slot < PciSegmentDescription.Slots; slot++)
            {
                // Slot and any function, INTA, no link device, I/O APIC pin (ACPI 6.3, section 6.2.13).
                using (aml.Package(4))
                    aml.Integer(((ulong)slot << 16) | 0xFFFF).Zero().Zero().Integer((ulong)PciSegmentDescription.Irq(slot));
            }
        }
    }

    private static void WriteReservation(AmlWriter aml, MachineDescription machine)
    {
        const int DescriptorLength = 12, EndTagLength = 2;
        var buffer = new byte[(machine.Segments.Length * DescriptorLength) + EndTagLength];
        var resources = new ResourceTemplate(buffer);
        for (int i = 0; i < machine.Segments.Length; i++)
            resources.Memory32Fixed((uint)machine.Segments[i].Ecam, (uint)MemoryMap.EcamSegmentLength);
        using (aml.Device("\\_SB_.MBRD"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0C02"u8);
            aml.NewName("_UID"u8).Zero();
            aml.NewName("_CRS"u8).Buffer(resources.End());
        }
    }

    /// <summary>A device's own registers as its _CRS.</summary>
    internal static void WriteRegisters(AmlWriter aml, ulong address, ulong length)
    {
        var resources = new ResourceTemplate(stackalloc byte[64]);
        resources.Registers64(address, length);
        aml.NewName("_CRS"u8).Buffer(resources.End());
    }

    /// <summary>PC and two hexadecimal digits.</summary>
    private static void SegmentName(Span<byte> name, int segment)
    {
        Span<byte> digits = stackalloc byte[NumberedName.Length];
        NumberedName.Hex(digits, 'P', segment);
        name[0] = (byte)'P';
        name[1] = (byte)'C';
        name[2] = digits[2];
        name[3] = digits[3];
    }
}
