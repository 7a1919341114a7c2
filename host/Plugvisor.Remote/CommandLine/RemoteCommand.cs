using Plugvisor.Remote.Calls;

namespace Plugvisor.Remote.CommandLine;

/// <summary>A command of this program: how it is typed and what it asks the VMM for.</summary>
/// <param name="Name">The command.</param>
/// <param name="Group">Where help shows it.</param>
/// <param name="Summary">One line.</param>
internal sealed record RemoteCommand(string Name, CommandGroup Group, string Summary)
{
    /// <summary>What stands behind its name, or null.</summary>
    public RemoteArgument? Argument { get; init; }

    /// <summary>Its options.</summary>
    public IReadOnlyList<RemoteOption> Options { get; init; } = [];

    /// <summary>What to type behind the program's name, as an example, or null.</summary>
    public string? Example { get; init; }

    /// <summary>Not in help and completions.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Its answer is a stream that is followed.</summary>
    public bool IsStream { get; init; }

    /// <summary>The device kind that it adds and that no plugin here declares, or null. The server's plugins may.</summary>
    public string? UnknownKind { get; init; }

    /// <summary>Makes the call; null for a command that asks no VMM.</summary>
    public Func<CommandInput, RemoteCall>? Call { get; init; }
}
