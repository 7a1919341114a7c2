namespace Plugvisor.Machine.Pci;

/// <summary>
/// The Advanced Features capability with function level reset (PCI-SIG Engineering Change Notice "Advanced Capabilities for Conventional PCI", 2006): a guest that
/// writes 1 to bit 0 of its control byte resets the function. The reset is done when the write is, so no transaction is ever pending.
/// </summary>
internal sealed class PciFunctionReset
{
    private const byte Length = 6, TransactionsPending = 1, FunctionLevelReset = 2;
    private const byte InitiateReset = 1;
    private const int ControlOffset = 4;

    private readonly int _control;

    /// <summary>Adds the capability.</summary>
    public PciFunctionReset(PciConfigSpace config) => _control = ControlOffset
        + config.AddCapability(PciRegisters.CapabilityAdvancedFeatures, [Length, TransactionsPending | FunctionLevelReset, 0, 0]);

    /// <summary>Whether a write to configuration space asks for the reset.</summary>
    public bool IsTriggeredBy(int offset, ReadOnlySpan<byte> data)
    {
        int at = _control - offset;
        return (uint)at < (uint)data.Length && (data[at] & InitiateReset) != 0;
    }
}
