using System.CommandLine;
using System.CommandLine.Parsing;

namespace Plugvisor.Cli.CommandLine;

/// <summary>
/// Turns option definitions into a System.CommandLine root command and its result back into plain values, so that the rest of the front end
/// sees neither the library nor where an option came from.
/// </summary>
internal sealed class CommandLineParser
{
    private readonly RootCommand _root = new("Plugvisor, a KVM virtual machine monitor in which every device is a plugin");
    private readonly List<(CommandLineOption Definition, Option Option)> _options = [];
    private readonly Option<bool> _verbose = new("-v") { Arity = ArgumentArity.Zero, AllowMultipleArgumentsPerToken = false };
    private readonly Option<bool> _help = new("--help", "-h") { Arity = ArgumentArity.Zero };
    private readonly Option<bool> _version = new("--version", "-V") { Arity = ArgumentArity.Zero };

    /// <summary>A parser for these options.</summary>
    public CommandLineParser(IReadOnlyList<CommandLineOption> definitions)
    {
        // Help and version are answered by us: grouped, and with the second line that scripts look for.
        _root.Options.Clear();
        _root.Options.Add(_verbose);
        _root.Options.Add(_help);
        _root.Options.Add(_version);
        foreach (CommandLineOption definition in definitions) Add(definition);
        foreach (string missing in HostOptions.NotYet.Keys)
        {
            _root.Options.Add(new Option<string[]>(missing)
            {
                Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = true, Hidden = true,
            });
        }
    }

    /// <summary>Whether help was asked for; set by <see cref="Parse"/>.</summary>
    public bool HelpRequested { get; private set; }

    /// <summary>Whether the version was asked for; set by <see cref="Parse"/>.</summary>
    public bool VersionRequested { get; private set; }

    /// <summary>Parses.</summary>
    /// <exception cref="UsageException">An option is not known, lacks its value, or stands for something that is not there yet.</exception>
    public ParsedOptions Parse(IReadOnlyList<string> args)
    {
        ParseResult result = _root.Parse(args, new ParserConfiguration { EnablePosixBundling = true, ResponseFileTokenReplacer = null });
        HelpRequested = result.GetValue(_help);
        VersionRequested = result.GetValue(_version);
        if (HelpRequested || VersionRequested) return new ParsedOptions { Verbosity = Count(result, _verbose) };
        if (result.Errors.Count > 0) throw new UsageException(result.Errors[0].Message);
        foreach ((string name, string what) in HostOptions.NotYet)
        {
            if (result.GetResult(name) is OptionResult { Implicit: false })
                throw new UsageException($"{name}: {what} is not there yet in this version of Plugvisor; leave the option out");
        }

        var parsed = new ParsedOptions { Verbosity = Count(result, _verbose) };
        foreach ((CommandLineOption definition, Option option) in _options)
        {
            if (result.GetResult(option) is not { Implicit: false } found) continue;
            if (!definition.IsRepeatable && found.IdentifierTokenCount > 1)
                throw new UsageException($"{definition.Name} is given {found.IdentifierTokenCount} times; it can be given once");
            var values = new List<string>();
            foreach (Token token in found.Tokens)
            {
                // An option that nobody knows looks like one more value to the one before it.
                if (token.Value.StartsWith("--", StringComparison.Ordinal) && !definition.TakesAnyText)
                    throw new UsageException($"Unrecognized command or argument '{token.Value}'.");
                values.Add(token.Value);
            }

            parsed.Set(definition.Name, values);
        }

        return parsed;
    }

    private static int Count(ParseResult result, Option option) => result.GetResult(option)?.IdentifierTokenCount ?? 0;

    private void Add(CommandLineOption definition)
    {
        Option option = definition switch
        {
            { Value: null } => new Option<bool>(definition.Name) { Arity = ArgumentArity.Zero },
            { IsRepeatable: true } => new Option<string[]>(definition.Name)
            {
                Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = true,
            },
            _ => new Option<string[]>(definition.Name) { Arity = new ArgumentArity(1, 100) },
        };
        _root.Options.Add(option);
        _options.Add((definition, option));
    }
}
