namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>Names such as S007 and C01F.</summary>
internal static class NumberedName
{
    /// <summary>Length of the buffer that the methods need.</summary>
    public const int Length = 4;

    /// <summary>A letter and three decimal digits; <paramref name="number"/> is below 1000.</summary>
    public static ReadOnlySpan<byte> Decimal(Span<byte> buffer, char letter, int number)
    {
        buffer[0] = (byte)letter;
        buffer[1] = Digit(number / 100);
        buffer[2] = Digit(number / 10 % 10);
        buffer[3] = Digit(number % 10);
        return buffer[..Length];
    }

    /// <summary>
    /// A letter and three hexadecimal digits. From 4096 on it goes on with the next letter, since a name has four characters.
    /// </summary>
    public static ReadOnlySpan<byte> Hex(Span<byte> buffer, char letter, int number)
    {
        buffer[0] = (byte)(letter + (number >> 12));
        buffer[1] = Digit((number >> 8) & 0xF);
        buffer[2] = Digit((number >> 4) & 0xF);
        buffer[3] = Digit(number & 0xF);
        return buffer[..Length];
    }

    private static byte Digit(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);
}
