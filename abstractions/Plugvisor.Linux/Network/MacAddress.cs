using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Plugvisor.Linux.Network;

/// <summary>An Ethernet address: six bytes, the first in the highest of the low 48 bits.</summary>
/// <param name="Value">The bytes as a number.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Bytes of an address.</summary>
    public const int Size = 6;

    private const int TextLength = 17;
    private const ulong GroupBit = 1ul << 40;

    /// <summary>Whether it names a group (multicast, broadcast) instead of one station.</summary>
    public bool IsGroup => (Value & GroupBit) != 0;

    /// <summary>A locally administered address: its first byte as given, the others random.</summary>
    public static MacAddress Random(byte first)
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        bytes[0] = first;
        return From(bytes);
    }

    /// <summary>From six bytes.</summary>
    public static MacAddress From(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < Size; i++) value = value << 8 | bytes[i];
        return new MacAddress(value);
    }

    /// <summary>Reads <c>2e:00:11:22:33:44</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        if (text is not { Length: TextLength }) return false;
        ulong value = 0;
        for (int i = 0; i < Size; i++)
        {
            if (i > 0 && text[3 * i - 1] != ':') return false;
            if (!byte.TryParse(text.AsSpan(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte part)) return false;
            value = value << 8 | part;
        }

        address = new MacAddress(value);
        return true;
    }

    /// <summary>Writes the six bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        for (int i = 0; i < Size; i++) destination[i] = (byte)(Value >> (8 * (Size - 1 - i)));
    }

    /// <summary>As <see cref="TryParse"/> reads it, in lower case.</summary>
    public override string ToString()
    {
        Span<byte> b = stackalloc byte[Size];
        CopyTo(b);
        return $"{b[0]:x2}:{b[1]:x2}:{b[2]:x2}:{b[3]:x2}:{b[4]:x2}:{b[5]:x2}";
    }
}
