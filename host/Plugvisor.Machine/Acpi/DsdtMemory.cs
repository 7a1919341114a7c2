using Plugvisor.Machine.Acpi.Aml;
using Plugvisor.Machine.Hotplug;

namespace Plugvisor.Machine.Acpi;

/// <summary>
/// Memory that is added through ACPI: eight slots and their controller, whose registers <see cref="MemoryHotplugController"/> has.
/// </summary>
internal static class DsdtMemory
{
    private const int DeviceCheck = 1, EjectRequest = 3;
    private const int Working = 0xF;        // _STA: present, enabled, shown, working

    /// <summary>Writes the devices.</summary>
    public static void Write(AmlWriter aml, MachineDescription machine)
    {
        ulong address = machine.Map.MemoryHotplugController;
        using (aml.Device("\\_SB_.MHPC"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0A06"u8);
            aml.NewName("_UID"u8).String("Memory Hotplug Controller"u8);
            aml.Mutex("MLCK"u8);
            DsdtPci.WriteRegisters(aml, address, MemoryHotplugController.Length);
            aml.Region("MHPR"u8, AmlRegionSpace.SystemMemory, address, MemoryHotplugController.Length);
            using (aml.Fields("MHPR"u8, AmlFieldAccess.DWord, AmlFieldUpdate.Preserve))
            {
                aml.FieldUnit("MHBL"u8, 32).FieldUnit("MHBH"u8, 32).FieldUnit("MHLL"u8, 32).FieldUnit("MHLH"u8, 32);
                aml.FieldUnit("MHPX"u8, 32);
            }

            // Bits are acknowledged by writing 1, so a write must not repeat what it read of the others.
            using (aml.Fields("MHPR"u8, AmlFieldAccess.Byte, AmlFieldUpdate.WriteAsZeroes))
            {
                aml.FieldGap(160);
                aml.FieldUnit("MEN_"u8, 1).FieldUnit("MINS"u8, 1).FieldUnit("MRMV"u8, 1).FieldUnit("MEJ0"u8, 1);
            }

            // What is written is something else than what is read at the same places.
            using (aml.Fields("MHPR"u8, AmlFieldAccess.DWord, AmlFieldUpdate.Preserve))
                aml.FieldUnit("MSEL"u8, 32).FieldUnit("MOEV"u8, 32).FieldUnit("MOSC"u8, 32);

            WriteMethods(aml);
            Span<byte> name = stackalloc byte[NumberedName.Length];
            for (int slot = 0; slot < MemoryHotplugController.Slots; slot++)
            {
                using (aml.Device(NumberedName.Decimal(name, 'M', slot)))
                {
                    aml.NewName("_HID"u8).EisaId("PNP0C80"u8);
                    aml.NewName("_UID"u8).Integer((ulong)slot);
                    using (aml.Method("_STA"u8, 0, serialized: false)) aml.Return().Name("MSTA"u8).Integer((ulong)slot);
                    using (aml.Method("_CRS"u8, 0, serialized: false)) aml.Return().Name("MCRS"u8).Integer((ulong)slot);
                }
            }
        }
    }

    private static void WriteMethods(AmlWriter aml)
    {
        // MTFY(slot, value): notifies its device.
        Span<byte> name = stackalloc byte[NumberedName.Length];
        using (aml.Method("MTFY"u8, 2, serialized: true))
        {
            for (int slot = 0; slot < MemoryHotplugController.Slots; slot++)
            {
                using (aml.If())
                {
                    aml.Equal().Argument(0).Integer((ulong)slot);
                    aml.Notify().Name(NumberedName.Decimal(name, 'M', slot)).Argument(1);
                }
            }
        }

        // MSCN(): looks at all slots for one that came or is to go.
        using (aml.Method("MSCN"u8, 0, serialized: true))
        {
            aml.Acquire("MLCK"u8);
            aml.Store().Zero().Local(0);
            using (aml.While())
            {
                aml.Less().Local(0).Integer(MemoryHotplugController.Slots);
                aml.Store().Local(0).Name("MSEL"u8);
                WriteCheck(aml, "MINS"u8, DeviceCheck);
                WriteCheck(aml, "MRMV"u8, EjectRequest);
                aml.Add().Local(0).One().Local(0);
            }

            aml.Release("MLCK"u8);
        }

        // MSTA(slot): its _STA.
        using (aml.Method("MSTA"u8, 1, serialized: true))
        {
            aml.Acquire("MLCK"u8);
            aml.Store().Argument(0).Name("MSEL"u8);
            aml.Store().Zero().Local(0);
            using (aml.If())
            {
                aml.Name("MEN_"u8);
                aml.Store().Integer(Working).Local(0);
            }

            aml.Release("MLCK"u8);
            aml.Return().Local(0);
        }

        WriteRange(aml);
    }

    /// <summary>MCRS(slot): its _CRS, made from the controller's registers.</summary>
    private static void WriteRange(AmlWriter aml)
    {
        var resources = new ResourceTemplate(stackalloc byte[64]);
        resources.CacheableMemory64();
        using (aml.Method("MCRS"u8, 1, serialized: true))
        {
            aml.NewName("MR64"u8).Buffer(resources.End());
            aml.QWordField("MR64"u8, ResourceTemplate.Minimum64, "MMIN"u8);
            aml.QWordField("MR64"u8, ResourceTemplate.Maximum64, "MMAX"u8);
            aml.QWordField("MR64"u8, ResourceTemplate.Length64, "MLEN"u8);
            aml.Acquire("MLCK"u8);
            aml.Store().Argument(0).Name("MSEL"u8);
            aml.ShiftLeft().Name("MHBH"u8).Integer(32).Local(0);
            aml.Or().Local(0).Name("MHBL"u8).Name("MMIN"u8);
            aml.ShiftLeft().Name("MHLH"u8).Integer(32).Local(0);
            aml.Or().Local(0).Name("MHLL"u8).Name("MLEN"u8);
            aml.Release("MLCK"u8);
            aml.Add().Name("MMIN"u8).Name("MLEN"u8).Local(0);
            aml.Subtract().Local(0).One().Name("MMAX"u8);
            aml.Return().Name("MR64"u8);
        }
    }

    private static void WriteCheck(AmlWriter aml, ReadOnlySpan<byte> bit, int value)
    {
        using (aml.If())
        {
            aml.Name(bit);
            aml.Name("MTFY"u8).Local(0).Integer((ulong)value);
            aml.Store().One().Name(bit);
        }
    }
}
