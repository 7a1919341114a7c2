namespace Plugvisor.Remote.CommandLine;

/// <summary>A command line that was understood.</summary>
/// <param name="Command">The command, or null when only <see cref="HelpRequested"/> or <see cref="VersionRequested"/> is set.</param>
/// <param name="Input">What was typed with it.</param>
/// <param name="Globals">The options that are not the command's own; a flag has an empty value.</param>
internal sealed record ParsedCommand(RemoteCommand? Command, CommandInput Input, IReadOnlyDictionary<string, string> Globals)
{
    /// <summary>Help was asked for: of the command, or of the program.</summary>
    public bool HelpRequested { get; init; }

    /// <summary>The version was asked for.</summary>
    public bool VersionRequested { get; init; }

    /// <summary>A global option's value, or null.</summary>
    public string? Global(string name) => Globals.GetValueOrDefault(name);
}
