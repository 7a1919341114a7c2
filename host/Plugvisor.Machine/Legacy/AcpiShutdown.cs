using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>
/// The sleep control, sleep status and reset registers of hardware-reduced ACPI (ACPI 6.3 sections 4.8.3.6 and 4.8.3.7) in
/// one byte at port 0x600: 1 resets, SLP_EN with SLP_TYP 5 (0x34) powers off.
/// </summary>
public sealed class AcpiShutdown(IMachineEvents events) : IBusDevice
{
    /// <summary>The port.</summary>
    public const ushort Port = 0x600;

    /// <summary>Number of ports that answer.</summary>
    public const int Length = 8;

    private const byte ResetValue = 1;
    private const byte SleepEnable = 1 << 5;
    private const byte SleepTypeS5 = 5 << 2;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data) => data.Clear();

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.IsEmpty) return;
        if (data[0] == ResetValue) events.OnReset("ACPI reset register");
        else if ((data[0] & (SleepEnable | 0x1c)) == (SleepEnable | SleepTypeS5)) events.OnPowerOff();
    }
}
