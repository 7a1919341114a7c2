using Plugvisor.Machine.Acpi.Aml;
using Plugvisor.Machine.Hotplug;

namespace Plugvisor.Machine.Acpi;

/// <summary>vCPUs, there or not yet there, and the controller that adds and removes them.</summary>
internal static class DsdtCpus
{
    private const int DeviceCheck = 1, EjectRequest = 3;
    private const int Working = 0xF;        // _STA: present, enabled, shown, working

    /// <summary>Writes the devices.</summary>
    public static void Write(AmlWriter aml, MachineDescription machine)
    {
        WriteController(aml, machine.Map.CpuHotplugController);
        using (aml.Device("\\_SB_.CPUS"u8))
        {
            aml.NewName("_HID"u8).String("ACPI0010"u8);
            aml.NewName("_CID"u8).EisaId("PNP0A05"u8);
            WriteMethods(aml, machine.MaxVcpus);
            Span<byte> name = stackalloc byte[NumberedName.Length];
            Span<byte> apic = stackalloc byte[Madt.X2ApicLength];
            for (int i = 0; i < machine.MaxVcpus; i++)
            {
                Madt.WriteEnabledX2Apic(apic, machine, i);
                WriteCpu(aml, NumberedName.Hex(name, 'C', i), i, apic);
            }
        }
    }

    private static void WriteController(AmlWriter aml, ulong address)
    {
        using (aml.Device("\\_SB_.PRES"u8))
        {
            aml.NewName("_HID"u8).EisaId("PNP0A06"u8);
            aml.NewName("_UID"u8).String("CPU Hotplug Controller"u8);
            aml.Mutex("CPLK"u8);
            DsdtPci.WriteRegisters(aml, address, CpuHotplugController.Length);
            aml.Region("PRST"u8, AmlRegionSpace.SystemMemory, address, CpuHotplugController.Length);

            // Bits are acknowledged by writing 1, so a write must not repeat what it read of the others.
            using (aml.Fields("PRST"u8, AmlFieldAccess.Byte, AmlFieldUpdate.WriteAsZeroes))
            {
                aml.FieldGap(32).FieldUnit("CPEN"u8, 1).FieldUnit("CINS"u8, 1).FieldUnit("CRMV"u8, 1).FieldUnit("CEJ0"u8, 1);
                aml.FieldGap(4).FieldUnit("CCMD"u8, 8);
            }

            using (aml.Fields("PRST"u8, AmlFieldAccess.DWord, AmlFieldUpdate.Preserve))
                aml.FieldUnit("CSEL"u8, 32).FieldGap(32).FieldUnit("CDAT"u8, 32);
        }
    }

    private static void WriteMethods(AmlWriter aml, int count)
    {
        // CSTA(cpu): its _STA.
        using (aml.Method("CSTA"u8, 1, serialized: true))
        {
            aml.Acquire("\\_SB_.PRES.CPLK"u8);
            aml.Store().Argument(0).Name("\\_SB_.PRES.CSEL"u8);
            aml.Store().Zero().Local(0);
            using (aml.If())
            {
                aml.Name("\\_SB_.PRES.CPEN"u8);
                aml.Store().Integer(Working).Local(0);
            }

            aml.Release("\\_SB_.PRES.CPLK"u8);
            aml.Return().Local(0);
        }

        // CTFY(cpu, value): notifies its device.
        Span<byte> name = stackalloc byte[NumberedName.Length];
        using (aml.Method("CTFY"u8, 2, serialized: true))
        {
            for (int i = 0; i < count; i++)
            {
                using (aml.If())
                {
                    aml.Equal().Argument(0).Integer((ulong)i);
                    aml.Notify().Name(NumberedName.Hex(name, 'C', i)).Argument(1);
                }
            }
        }

        // CEJ0(cpu): lets go of it.
        using (aml.Method("CEJ0"u8, 1, serialized: true))
        {
            aml.Acquire("\\_SB_.PRES.CPLK"u8);
            aml.Store().Argument(0).Name("\\_SB_.PRES.CSEL"u8);
            aml.Store().One().Name("\\_SB_.PRES.CEJ0"u8);
            aml.Release("\\_SB_.PRES.CPLK"u8);
        }

        // CSCN(): looks at all of them for one that came or is to go.
        using (aml.Method("CSCN"u8, 0, serialized: true))
        {
            aml.Acquire("\\_SB_.PRES.CPLK"u8);
            aml.Store().Zero().Local(0);
            using (aml.While())
            {
                aml.Less().Local(0).Integer((ulong)count);
                aml.Store().Local(0).Name("\\_SB_.PRES.CSEL"u8);
                WriteCheck(aml, "\\_SB_.PRES.CINS"u8, DeviceCheck);
                WriteCheck(aml, "\\_SB_.PRES.CRMV"u8, EjectRequest);
                aml.Add().Local(0).One().Local(0);
            }

            aml.Release("\\_SB_.PRES.CPLK"u8);
        }
    }

    private static void WriteCheck(AmlWriter aml, ReadOnlySpan<byte> bit, int value)
    {
        using (aml.If())
        {
            aml.Name(bit);
            aml.Name("CTFY"u8).Local(0).Integer((ulong)value);
            aml.Store().One().Name(bit);
        }
    }

    private static void WriteCpu(AmlWriter aml, ReadOnlySpan<byte> name, int vcpu, ReadOnlySpan<byte> apic)
    {
        using (aml.Device(name))
        {
            aml.NewName("_HID"u8).String("ACPI0007"u8);
            aml.NewName("_UID"u8).Integer((ulong)vcpu);
            using (aml.Method("_STA"u8, 0, serialized: false)) aml.Return().Name("CSTA"u8).Integer((ulong)vcpu);
            // Linux takes the APIC id of a vCPU that is added from here, and wants it marked as enabled.
            aml.NewName("_MAT"u8).Buffer(apic);
            using (aml.Method("_EJ0"u8, 1, serialized: false)) aml.Name("CEJ0"u8).Integer((ulong)vcpu);
        }
    }
}
