namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>Width of the accesses by which the fields of a region are read and written (ACPI 6.3, section 20.2.5.2).</summary>
internal enum AmlFieldAccess : byte
{
    Byte = 1,
    Word = 2,
    DWord = 3,
    QWord = 4,
}
