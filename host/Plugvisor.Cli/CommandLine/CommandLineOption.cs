namespace Plugvisor.Cli.CommandLine;

/// <summary>One option as the front end knows it, the host's own or a device kind's.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Group">Where help shows it.</param>
/// <param name="Value">What its value looks like, <c>path</c> or <c>key=value,...</c>; null for a flag.</param>
/// <param name="Help">One line.</param>
internal sealed record CommandLineOption(string Name, OptionGroup Group, string? Value, string Help)
{
    /// <summary>It can be given again, and several values may follow it.</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>What it is when it is not given, for help.</summary>
    public string? Default { get; init; }

    /// <summary>The keys of its value, for help and completions.</summary>
    public IReadOnlyList<OptionKeyHelp> Keys { get; init; } = [];

    /// <summary>A whole value as an example.</summary>
    public string? Example { get; init; }

    /// <summary>Its value is free text, which may start with dashes.</summary>
    public bool TakesAnyText { get; init; }

    /// <summary>Its value is a path: shells complete it.</summary>
    public bool IsPath { get; init; }
}
