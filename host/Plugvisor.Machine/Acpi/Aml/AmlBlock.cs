namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>A term with a body, open until disposed: <c>using (aml.Device("COM1"u8)) { ... }</c>.</summary>
internal readonly ref struct AmlBlock(AmlWriter writer, int lengthAt)
{
    /// <summary>Ends the term: its length goes before its body.</summary>
    public void Dispose() => writer.Close(lengthAt);
}
