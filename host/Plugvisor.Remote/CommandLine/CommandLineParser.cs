using System.CommandLine;

namespace Plugvisor.Remote.CommandLine;

/// <summary>Turns the table of commands into System.CommandLine's objects, and its result back into plain values.</summary>
internal sealed class CommandLineParser
{
    private readonly RootCommand _root = new("plugvisor-remote");
    private readonly Option<bool> _help = new("--help", "-h") { Arity = ArgumentArity.Zero, Recursive = true };
    private readonly Option<bool> _version = new("--version", "-V") { Arity = ArgumentArity.Zero, Recursive = true };
    private readonly List<(string Name, Option Option)> _globals = [];
    private readonly Dictionary<Command, RemoteCommand> _commands = [];

    /// <summary>A parser for these commands.</summary>
    public CommandLineParser(IReadOnlyList<RemoteCommand> commands)
    {
        _root.Options.Clear();   // help and version are answered by us
        _root.Options.Add(_help);
        _root.Options.Add(_version);
        foreach (RemoteOption definition in GlobalOptions.All)
        {
            Option option = Make(definition, isRequired: false);
            option.Recursive = true;
            _root.Options.Add(option);
            _globals.Add((definition.Name, option));
        }

        foreach (RemoteCommand definition in commands) Add(definition);
    }

    /// <summary>Parses.</summary>
    /// <exception cref="UsageException">It cannot be understood.</exception>
    public ParsedCommand Parse(IReadOnlyList<string> args)
    {
        ParseResult result = _root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        var globals = new Dictionary<string, string>();
        RemoteCommand? command = _commands.GetValueOrDefault(result.CommandResult.Command);
        bool help = result.GetValue(_help), version = result.GetValue(_version);
        var none = new CommandInput(null, new Dictionary<string, string>());
        bool asksNothing = help || version;
        if (!asksNothing && command is null) throw new UsageException(WithoutCommand(result));
        if (!asksNothing && result.Errors.Count > 0) throw new UsageException(result.Errors[0].Message);
        foreach ((string name, Option option) in _globals) Read(result, name, option, globals);
        if (asksNothing || command is null) return new ParsedCommand(command, none, globals) { HelpRequested = help, VersionRequested = !help };

        var options = new Dictionary<string, string>();
        foreach (Option option in result.CommandResult.Command.Options) Read(result, option.Name, option, options);
        string? argument = null;
        foreach (Argument declared in result.CommandResult.Command.Arguments)
        {
            if (result.GetResult(declared) is { Tokens.Count: > 0 } found) argument = found.Tokens[0].Value;
        }

        if (command.Argument is { Choices.Count: > 0 } limited && argument is not null && !limited.Choices.Contains(argument))
            throw new UsageException($"{command.Name}: '{argument}' is not one of {string.Join(", ", limited.Choices)}");
        return new ParsedCommand(command, new CommandInput(argument, options), globals);
    }

    /// <summary>The first error is always that there is no command; another one says more.</summary>
    private static string WithoutCommand(ParseResult result) =>
        result.Errors.Count > 1 ? result.Errors[^1].Message : "a command is needed";

    private static void Read(ParseResult result, string name, Option option, Dictionary<string, string> into)
    {
        if (result.GetResult(option) is not { Implicit: false } found) return;
        if (found.IdentifierTokenCount > 1 && option.Arity.MaximumNumberOfValues <= 1)
            throw new UsageException($"{name} is given {found.IdentifierTokenCount} times; it can be given once");
        into[name] = found.Tokens.Count > 0 ? found.Tokens[^1].Value : "";
    }

    private static Option Make(RemoteOption definition, bool isRequired) => definition switch
    {
        { Value: null } => new Option<bool>(definition.Name) { Arity = ArgumentArity.Zero },
        { IsRepeatable: true } => new Option<string[]>(definition.Name) { Arity = ArgumentArity.OneOrMore },
        _ => new Option<string>(definition.Name) { Arity = ArgumentArity.ExactlyOne, Required = isRequired },
    };

    private void Add(RemoteCommand definition)
    {
        var command = new Command(definition.Name);
        foreach (RemoteOption option in definition.Options) command.Options.Add(Make(option, option.IsRequired));
        if (definition.Argument is { } argument)
        {
            command.Arguments.Add(new Argument<string>(argument.Name)
            {
                Arity = argument.IsOptional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            });
        }

        _root.Subcommands.Add(command);
        _commands.Add(command, definition);
    }
}
