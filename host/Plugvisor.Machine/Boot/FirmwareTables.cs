using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Acpi;
using Plugvisor.Machine.Smbios;

namespace Plugvisor.Machine.Boot;

/// <summary>All tables that a firmware would make: ACPI, SMBIOS and the MP table. Independent of what is booted.</summary>
public static class FirmwareTables
{
    /// <summary>Writes them into guest RAM. Any one thread, before the guest runs; may run beside <see cref="BootLoader"/>.</summary>
    /// <exception cref="BootException">They do not fit, or a string cannot be expressed.</exception>
    public static void Write(MachineDescription machine, SmbiosOptions smbios, GuestMemory memory)
    {
        AcpiTables.Write(machine, memory);
        ulong end = SmbiosTables.Write(smbios, memory);
        _ = MpTable.TryWrite(machine, memory, end);
    }
}
