namespace Plugvisor.Plugins.Declarations;

/// <summary>An integer type as the declaration names it (<c>u16</c>): how many bits, and whether it has a sign.</summary>
public readonly record struct IntegerWidth(int Bits, bool IsSigned)
{
    /// <summary>What any integer fits in.</summary>
    public static readonly IntegerWidth U64 = new(64, false);

    /// <summary>The least value.</summary>
    public long Min => IsSigned ? long.MinValue >> (64 - Bits) : 0;

    /// <summary>The greatest value.</summary>
    public ulong Max => ulong.MaxValue >> (64 - Bits + (IsSigned ? 1 : 0));

    /// <summary>Reads the declaration's spelling.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static IntegerWidth Parse(string text) => text switch
    {
        "u8" => new(8, false),
        "u16" => new(16, false),
        "u32" => new(32, false),
        "u64" => U64,
        "i8" => new(8, true),
        "i16" => new(16, true),
        "i32" => new(32, true),
        "i64" => new(64, true),
        _ => throw new FormatException($"`{text}` is no integer type"),
    };

    /// <inheritdoc/>
    public override string ToString() => (IsSigned ? "i" : "u") + Bits;
}
