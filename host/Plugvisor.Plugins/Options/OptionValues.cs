namespace Plugvisor.Plugins.Options;

/// <summary>
/// What an option's value holds. The getters give null for a key that is not set or has nothing after its <c>=</c>, and throw
/// <see cref="OptionException"/> (<c>Unable to convert VALUE for KEY</c>) for what they can not read.
/// </summary>
public sealed class OptionValues
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Whether the key is there at all, also with nothing after its <c>=</c>.</summary>
    public bool IsSet(string key) => _values.ContainsKey(key);

    /// <summary>The value as it was typed, with its quotes.</summary>
    public string? Raw(string key) => _values.TryGetValue(key, out var value) && value.Length > 0 ? value : null;

    /// <summary>The value without its quotes.</summary>
    public string? Text(string key) => Raw(key) is { } value ? OptionSyntax.Dequote(value) : null;

    /// <summary>A toggle.</summary>
    public bool? Toggle(string key) => Raw(key) is { } value ? OptionSyntax.ReadToggle(value) ?? throw Unreadable(key, value) : null;

    /// <summary>An integer up to <paramref name="max"/>.</summary>
    public ulong? Integer(string key, ulong max = ulong.MaxValue)
    {
        if (Raw(key) is not { } value) return null;
        return OptionSyntax.TryReadInteger(OptionSyntax.Dequote(value), max, out var number) ? number : throw Unreadable(key, value);
    }

    /// <summary>A number of bytes.</summary>
    public ulong? ByteSize(string key)
    {
        if (Raw(key) is not { } value) return null;
        return OptionSyntax.TryReadByteSize(OptionSyntax.Dequote(value), ulong.MaxValue, out var bytes) ? bytes : throw Unreadable(key, value);
    }

    /// <summary>A list of integers, ranges spelled out.</summary>
    public IReadOnlyList<ulong>? Integers(string key, ulong max = ulong.MaxValue) =>
        Raw(key) is { } value ? OptionSyntax.ReadIntegers(value, max) ?? throw Unreadable(key, value) : null;

    /// <summary>A list of strings.</summary>
    public IReadOnlyList<string>? Strings(string key)
    {
        if (Raw(key) is not { } value) return null;
        try
        {
            return OptionSyntax.ReadStrings(value);
        }
        catch (OptionException)
        {
            throw Unreadable(key, value);
        }
    }

    /// <summary>A list of tuples.</summary>
    public IReadOnlyList<(string Key, string Value)>? Tuples(string key) =>
        Raw(key) is { } value ? OptionSyntax.ReadTuples(value) ?? throw Unreadable(key, value) : null;

    /// <summary>The error for a value that can not be read.</summary>
    public static OptionException Unreadable(string key, string value) => new($"Unable to convert {value} for {key}");

    internal void Set(string key, string value) => _values[key] = value;
}
