namespace Plugvisor.Remote.CommandLine;

/// <summary>An option, of a command or of all of them.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Value">What its value looks like; null for a flag.</param>
/// <param name="Help">One line.</param>
internal sealed record RemoteOption(string Name, string? Value, string Help)
{
    /// <summary>It must be given.</summary>
    public bool IsRequired { get; init; }

    /// <summary>It can be given again.</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>Shells complete paths.</summary>
    public bool IsPath { get; init; }

    /// <summary>What it is when it is not given, for help.</summary>
    public string? Default { get; init; }
}
