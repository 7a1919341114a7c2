namespace Examples.Edu;

/// <summary>Offsets in BAR 0. Registers are 4 bytes wide, the two addresses 8.</summary>
internal static class Registers
{
    /// <summary>Read: version and 0xed.</summary>
    public const ulong Identification = 0x00;

    /// <summary>Read: the complement of what was written.</summary>
    public const ulong Liveness = 0x04;

    /// <summary>Write a number below 21 and its factorial is computed; read the result (its lower half) when <see cref="Status"/> has no busy bit.</summary>
    public const ulong Factorial = 0x08;

    /// <summary>Bit 0: busy. Bit 1 (write 1 to it): the last transfer failed.</summary>
    public const ulong Status = 0x20;

    /// <summary>Address in guest memory of a transfer.</summary>
    public const ulong TransferAddress = 0x80;

    /// <summary>Offset in the device's buffer.</summary>
    public const ulong TransferOffset = 0x88;

    /// <summary>Bytes to transfer.</summary>
    public const ulong TransferLength = 0x8c;

    /// <summary>Write 1 to read guest memory into the buffer, 2 to write the buffer to guest memory.</summary>
    public const ulong TransferCommand = 0x90;

    /// <summary>Write anything to have the transfer of the last command done with the addresses and lengths of now. A doorbell: the device never sees the write.</summary>
    public const ulong Doorbell = 0x98;

    /// <summary>Bytes of registers.</summary>
    public const ulong Length = 0x100;

    /// <summary>Bytes of the device's buffer.</summary>
    public const int BufferLength = 4096;
}
