using Plugvisor.Plugins.Options;

namespace Plugvisor.Remote.CommandLine;

/// <summary>What stands behind a command's name.</summary>
/// <param name="Name">How usage lines call it.</param>
/// <param name="Help">One line.</param>
internal sealed record RemoteArgument(string Name, string Help)
{
    /// <summary>It may be left out.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Shells complete paths.</summary>
    public bool IsPath { get; init; }

    /// <summary>The keys of its value, where it has the form <c>key=value,...</c>.</summary>
    public IReadOnlyList<OptionKey> Keys { get; init; } = [];

    /// <summary>All values that it can have, where they are few.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
}
