namespace Plugvisor.Remote.CommandLine;

/// <summary>What was typed with a command.</summary>
/// <param name="Argument">The value behind its name, or null.</param>
/// <param name="Options">Its options by name; a flag has an empty value.</param>
internal sealed record CommandInput(string? Argument, IReadOnlyDictionary<string, string> Options)
{
    /// <summary>The argument of a command that needs it.</summary>
    public string Text => Argument ?? "";

    /// <summary>The value of an option, or null.</summary>
    public string? Option(string name) => Options.GetValueOrDefault(name);
}
