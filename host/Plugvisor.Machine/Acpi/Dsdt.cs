using Plugvisor.Machine.Acpi.Aml;

namespace Plugvisor.Machine.Acpi;

/// <summary>
/// The DSDT: every device of the platform that the guest cannot find by itself. Names, ids and registers are those of Cloud
/// Hypervisor's machine, so that a guest made for it finds the same.
/// </summary>
internal static class Dsdt
{
    /// <summary>Makes the whole table.</summary>
    public static byte[] Make(MachineDescription machine)
    {
        var aml = new AmlWriter();
        DsdtPci.Write(aml, machine);
        DsdtPlatform.Write(aml, machine);
        DsdtCpus.Write(aml, machine);
        if (machine.Map.MemoryHotplugController != 0) DsdtMemory.Write(aml, machine);

        ReadOnlySpan<byte> body = aml.Written;
        var table = new byte[AcpiTable.HeaderLength + body.Length];
        body.CopyTo(table.AsSpan(AcpiTable.HeaderLength));
        // Revision 2 and later: integers have 64 bits.
        AcpiTable.Finish(table, "DSDT"u8, 6, "CHDSDT  "u8);
        return table;
    }
}
