using Plugvisor.Machine.Acpi.Aml;
using Plugvisor.Machine.Hotplug;

namespace Plugvisor.Machine.Acpi;

/// <summary>Serial port, sleep state, power button, and the generic event device through which the guest hears of changes.</summary>
internal static class DsdtPlatform
{
    private const int SerialIrq = 4;
    private const int SoftOffType = 5;              // the SLP_TYP value that AcpiShutdown takes for power-off
    private const int PowerButtonPressed = 0x80;

    /// <summary>Writes the devices.</summary>
    public static void Write(AmlWriter aml, MachineDescription machine)
    {
        if (machine.HasSerial) WriteSerial(aml);
        aml.NewName("\\_S5_"u8);
        using (aml.Package(4)) aml.Integer(SoftOffType).Integer(SoftOffType).Zero().Zero();
        using (aml.Device("\\_SB_.PWRB"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0C0C"u8);
            aml.NewName("_UID"u8).Zero();
        }

        WriteEvents(aml, machine);
    }

    private static void WriteSerial(AmlWriter aml)
    {
        var resources = new ResourceTemplate(stackalloc byte[32]);
        resources.Interrupt(SerialIrq);
        resources.Io(0x3F8, 0x3F8, 0, 8);
        using (aml.Device("\\_SB_.COM1"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0501"u8);
            aml.NewName("_UID"u8).Zero();
            aml.NewName("_DDN"u8).String("COM1"u8);
            aml.NewName("_CRS"u8).Buffer(resources.End());
        }
    }

    private static void WriteEvents(AmlWriter aml, MachineDescription machine)
    {
        ulong address = machine.Map.GenericEventController;
        using (aml.Device("\\_SB_.GEC_"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0A06"u8);
            aml.NewName("_UID"u8).String("Generic Event Controller"u8);
            DsdtPci.WriteRegisters(aml, address, GenericEventDevice.Length);
            aml.Region("GDST"u8, AmlRegionSpace.SystemMemory, address, GenericEventDevice.Length);
            using (aml.Fields("GDST"u8, AmlFieldAccess.Byte, AmlFieldUpdate.WriteAsZeroes)) aml.FieldUnit("GDAT"u8, 8);

            // ESCN(): reads the events, which clears them, then looks after each.
            using (aml.Method("ESCN"u8, 0, serialized: true))
            {
                aml.Store().Name("GDAT"u8).Local(0);
                using (IfEvent(aml, GenericEvent.Cpu)) aml.Name("\\_SB_.CPUS.CSCN"u8);
                if (machine.Map.MemoryHotplugController != 0)
                {
                    using (IfEvent(aml, GenericEvent.Memory)) aml.Name("\\_SB_.MHPC.MSCN"u8);
                }

                using (IfEvent(aml, GenericEvent.Pci)) aml.Name("\\_SB_.PHPR.PSCN"u8);
                using (IfEvent(aml, GenericEvent.PowerButton)) aml.Notify().Name("\\_SB_.PWRB"u8).Integer(PowerButtonPressed);
            }
        }

        var resources = new ResourceTemplate(stackalloc byte[16]);
        resources.Interrupt(GenericEventDevice.Irq);
        using (aml.Device("\\_SB_.GED_"u8))
        {
            aml.NewName("_HID"u8).String("ACPI0013"u8);
            aml.NewName("_UID"u8).Zero();
            aml.NewName("_CRS"u8).Buffer(resources.End());
            using (aml.Method("_EVT"u8, 1, serialized: true)) aml.Name("\\_SB_.GEC_.ESCN"u8);
        }
    }

    private static AmlBlock IfEvent(AmlWriter aml, GenericEvent happened)
    {
        AmlBlock block = aml.If();
        aml.And().Local(0).Integer((ulong)happened).NoTarget();
        return block;
    }
}
