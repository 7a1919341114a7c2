using System.Buffers.Binary;

namespace Plugvisor.Machine.Acpi;

/// <summary>The FADT (ACPI 6.3, section 5.2.9): a hardware-reduced machine with a reset register, sleep registers and a PM timer.</summary>
internal static class Fadt
{
    /// <summary>Bytes of the table.</summary>
    public const int Length = 276;

    private const uint HardwareReduced = 1 << 20, ResetRegisterSupported = 1 << 10, TimerIs32Bits = 1 << 8;
    private const byte ByteAccess = 1, WordAccess = 2, DWordAccess = 3;
    private const ushort SleepPort = 0x600, PmTimerPort = 0x608, Pm1aEventPort = 0x60C, Pm1aControlPort = 0x610;
    private const byte ResetValue = 1;

    /// <summary>Writes the table.</summary>
    public static void Write(Span<byte> table, MachineDescription machine, ulong dsdt)
    {
        table = table[..Length];
        table.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(table[112..], HardwareReduced | ResetRegisterSupported | TimerIs32Bits);
        Port(table[116..], SleepPort, 8, ByteAccess);           // RESET_REG
        table[128] = ResetValue;
        table[131] = 3;                                         // minor version
        BinaryPrimitives.WriteUInt64LittleEndian(table[140..], dsdt);
        if (machine.HasLegacyPowerBlocks)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(table[56..], Pm1aEventPort);
            BinaryPrimitives.WriteUInt32LittleEndian(table[64..], Pm1aControlPort);
            table[88] = 4;
            table[89] = 2;
            Port(table[148..], Pm1aEventPort, 32, WordAccess);
            Port(table[172..], Pm1aControlPort, 16, WordAccess);
        }

        Port(table[208..], PmTimerPort, 32, DWordAccess);       // X_PM_TMR_BLK
        Port(table[244..], SleepPort, 8, ByteAccess);           // SLEEP_CONTROL_REG
        Port(table[256..], SleepPort, 8, ByteAccess);           // SLEEP_STATUS_REG
        "CLOUDHYP"u8.CopyTo(table[268..]);                      // hypervisor vendor identity
        AcpiTable.Finish(table, "FACP"u8, 6, "CHFACP  "u8);
    }

    /// <summary>A generic address structure for a port (section 5.2.3.2).</summary>
    private static void Port(Span<byte> at, ushort port, byte bits, byte access)
    {
        const byte SystemIo = 1;
        at[0] = SystemIo;
        at[1] = bits;
        at[2] = 0;
        at[3] = access;
        BinaryPrimitives.WriteUInt64LittleEndian(at[4..], port);
    }
}
