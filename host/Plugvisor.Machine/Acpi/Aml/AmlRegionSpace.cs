namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>Address space of an operation region (ACPI 6.3, section 20.2.5.2).</summary>
internal enum AmlRegionSpace : byte
{
    SystemMemory = 0,
    SystemIo = 1,
}
