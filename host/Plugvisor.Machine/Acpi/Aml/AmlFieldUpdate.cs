namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>What a write to one field does to the other bits of the same access (ACPI 6.3, section 20.2.5.2).</summary>
internal enum AmlFieldUpdate : byte
{
    Preserve = 0,
    WriteAsOnes = 1,
    WriteAsZeroes = 2,
}
