namespace Plugvisor.Cli.CommandLine;

/// <summary>What stood on the command line, by option.</summary>
internal sealed class ParsedOptions
{
    private readonly Dictionary<string, IReadOnlyList<string>> _values = [];

    /// <summary>How often <c>-v</c> was given.</summary>
    public int Verbosity { get; init; }

    /// <summary>Records an option's values; a flag has none.</summary>
    public void Set(string name, IReadOnlyList<string> values) => _values[name] = values;

    /// <summary>Whether the option was given.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>The value of an option that is given once, or null.</summary>
    public string? Single(string name) => _values.TryGetValue(name, out IReadOnlyList<string>? values) && values.Count > 0 ? values[^1] : null;

    /// <summary>All values of a repeatable option, in their order.</summary>
    public IReadOnlyList<string> Many(string name) => _values.GetValueOrDefault(name) ?? [];
}
