using System.Text;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Remote.CommandLine;

/// <summary>Writes shell completion scripts from the table of commands, keys of devices included.</summary>
internal static class CompletionScript
{
    /// <summary>The script for bash, zsh or fish.</summary>
    public static string Render(string shell, IReadOnlyList<RemoteCommand> commands) => shell switch
    {
        "zsh" => "autoload -U +X bashcompinit && bashcompinit\n" + Bash(commands),
        "fish" => Fish(commands),
        _ => Bash(commands),
    };

    private static string Bash(IReadOnlyList<RemoteCommand> commands)
    {
        var text = new StringBuilder("# bash completion for plugvisor-remote; load with: source <(plugvisor-remote completions bash)\n_plugvisor_remote() {\n");
        text.Append("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' keys='' options='' i\n")
            .Append("    COMPREPLY=()\n")
            .Append("    case $prev in\n        ").AppendJoin('|', Globals(paths: true)).Append(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n        ")
            .AppendJoin('|', Globals(paths: false)).Append(") return ;;\n    esac\n")
            .Append("    for ((i = 1; i < COMP_CWORD; i++)); do\n")
            .Append("        case ${COMP_WORDS[i]} in\n            ").AppendJoin('|', ValueGlobals()).Append(") ((i++)) ;;\n")
            .Append("            -*) ;;\n            *) command=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n")
            .Append("    if [[ -z $command ]]; then\n        COMPREPLY=($(compgen -W '").AppendJoin(' ', Names(commands)).Append(' ')
            .AppendJoin(' ', AllGlobals()).Append(" --help --version' -- \"$cur\")); return\n    fi\n")
            .Append("    case $command in\n");
        foreach (RemoteCommand command in commands)
        {
            if (command.IsHidden) continue;
            if (command.Name == CommandTable.Help)
                text.Append("        help) COMPREPLY=($(compgen -W '").AppendJoin(' ', Names(commands)).Append("' -- \"$cur\")); return ;;\n");
            else if (command.Argument is { IsPath: true })
                text.Append("        ").Append(command.Name).Append(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
            else if (command.Argument is { Choices.Count: > 0 } limited)
                text.Append("        ").Append(command.Name).Append(") COMPREPLY=($(compgen -W '").AppendJoin(' ', limited.Choices).Append("' -- \"$cur\")); return ;;\n");
            else if (command.Argument is { Keys.Count: > 0 } || command.Options.Count > 0)
                text.Append("        ").Append(command.Name).Append(") keys='").AppendJoin(' ', Keys(command)).Append("' options='")
                    .AppendJoin(' ', OptionNames(command)).Append("' ;;\n");
        }

        return text.Append("    esac\n")
            .Append("    if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options --help\" -- \"$cur\")); return; fi\n")
            .Append("    local last=${cur##*,} head=''\n")
            .Append("    [[ $cur == *,* ]] && head=${cur%,*},\n")
            .Append("    case $last in\n")
            .Append("        *=*) COMPREPLY=($(compgen -P \"$head${last%%=*}=\" -f -- \"${last#*=}\")) ;;\n")
            .Append("        *) COMPREPLY=($(compgen -P \"$head\" -W \"$keys\" -- \"$last\")) ;;\n")
            .Append("    esac\n")
            .Append("    compopt -o nospace 2>/dev/null\n")
            .Append("}\ncomplete -F _plugvisor_remote plugvisor-remote\n")
            .ToString();
    }

    private static string Fish(IReadOnlyList<RemoteCommand> commands)
    {
        var text = new StringBuilder("# fish completion for plugvisor-remote; load with: plugvisor-remote completions fish | source\ncomplete -c plugvisor-remote -f\n");
        foreach (RemoteOption option in GlobalOptions.All)
        {
            text.Append("complete -c plugvisor-remote -l ").Append(option.Name.AsSpan(2)).Append(" -d ").Append(Quote(option.Help));
            if (option.IsPath) text.Append(" -r -F");
            else if (option.Value is not null) text.Append(" -x");
            text.Append('\n');
        }

        string none = $"not __fish_seen_subcommand_from {string.Join(' ', Names(commands))}";
        foreach (RemoteCommand command in commands)
        {
            if (command.IsHidden) continue;
            text.Append("complete -c plugvisor-remote -n ").Append(Quote(none)).Append(" -a ").Append(command.Name).Append(" -d ").Append(Quote(command.Summary)).Append('\n');
            string seen = $"complete -c plugvisor-remote -n {Quote($"__fish_seen_subcommand_from {command.Name}")}";
            foreach (RemoteOption option in command.Options)
                text.Append(seen).Append(" -l ").Append(option.Name.AsSpan(2)).Append(option.Value is null ? "" : " -x").Append(" -d ").Append(Quote(option.Help)).Append('\n');
            if (command.Argument is not { } argument) continue;
            if (argument.IsPath) text.Append(seen).Append(" -F\n");
            else if (command.Name == CommandTable.Help) text.Append(seen).Append(" -a ").Append(Quote(string.Join(' ', Names(commands)))).Append('\n');
            else if (argument.Choices.Count > 0) text.Append(seen).Append(" -a ").Append(Quote(string.Join(' ', argument.Choices))).Append('\n');
            else if (argument.Keys.Count > 0) text.Append(seen).Append(" -a ").Append(Quote(string.Join(' ', Keys(command)))).Append('\n');
        }

        return text.ToString();
    }

    private static string Quote(string text) => "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";

    private static IEnumerable<string> Globals(bool paths)
    {
        foreach (RemoteOption option in GlobalOptions.All)
        {
            if (option.Value is not null && option.IsPath == paths) yield return option.Name;
        }
    }

    private static IEnumerable<string> ValueGlobals()
    {
        foreach (RemoteOption option in GlobalOptions.All)
        {
            if (option.Value is not null) yield return option.Name;
        }
    }

    private static IEnumerable<string> AllGlobals()
    {
        foreach (RemoteOption option in GlobalOptions.All) yield return option.Name;
    }

    private static IEnumerable<string> Names(IReadOnlyList<RemoteCommand> commands)
    {
        foreach (RemoteCommand command in commands)
        {
            if (!command.IsHidden) yield return command.Name;
        }
    }

    private static IEnumerable<string> OptionNames(RemoteCommand command)
    {
        foreach (RemoteOption option in command.Options) yield return option.Name;
    }

    private static IEnumerable<string> Keys(RemoteCommand command)
    {
        if (command.Argument is null) yield break;
        foreach (OptionKey key in command.Argument.Keys)
        {
            if (!key.IsHidden) yield return key.Value is null ? key.Name : key.Name + "=";
        }
    }
}
