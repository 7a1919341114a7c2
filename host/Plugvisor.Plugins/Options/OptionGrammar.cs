namespace Plugvisor.Plugins.Options;

/// <summary>
/// Reads an option's value, <c>key=value,...</c>, by the grammar of the interface reference, section 4.3. Say the keys, then parse; it can
/// be used again.
/// </summary>
public sealed class OptionGrammar
{
    private readonly Dictionary<string, bool> _takesValue = new(StringComparer.Ordinal);

    /// <summary>Allows keys that take a value.</summary>
    public OptionGrammar Keys(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys) _takesValue[key] = true;
        return this;
    }

    /// <summary>Allows keys that stand alone.</summary>
    public OptionGrammar Valueless(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys) _takesValue[key] = false;
        return this;
    }

    /// <summary>Reads a value. An empty one is fine: nothing is set.</summary>
    /// <exception cref="OptionException">
    /// <c>Unknown option: KEY</c>, or <c>Invalid syntax: TEXT</c> (a key without its value, a quote or bracket without partner).
    /// </exception>
    public OptionValues Parse(string text)
    {
        var values = new OptionValues();
        if (string.IsNullOrWhiteSpace(text)) return values;
        foreach (var part in OptionSyntax.SplitCommas(text))
        {
            var equals = OptionSyntax.FindSeparator(part, '=');
            var key = equals < 0 ? part : part[..equals];
            if (!_takesValue.TryGetValue(key, out var takesValue)) throw new OptionException($"Unknown option: {key}");
            if (!takesValue) values.Set(key, "");
            else if (equals < 0) throw OptionSyntax.Invalid(part);
            else values.Set(key, part[(equals + 1)..].Trim());
        }

        return values;
    }
}
