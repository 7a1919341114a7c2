using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>
/// What is left of the keyboard controller: the reset line (command 0xFE to port 0x64) and port 0x61. Registered at 0x61.
/// </summary>
public sealed class I8042(IMachineEvents events) : IBusDevice
{
    /// <summary>First port.</summary>
    public const ushort Port = 0x61;

    /// <summary>Ports 0x61 to 0x64.</summary>
    public const int Length = 4;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length != 1) return;
        data[0] = offset switch
        {
            0 => 0x20,   // timer 2 output: keeps delay loops of old firmware from hanging
            3 => 0x00,   // neither input nor output buffer full
            _ => 0xff,
        };
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length == 1 && offset == 3 && data[0] == 0xfe) events.OnReset("i8042 command 0xFE");
    }
}
