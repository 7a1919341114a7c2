using System.Text;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Writes shell completion scripts from the option definitions, device options included.</summary>
internal static class CompletionScript
{
    /// <summary>The script for a shell.</summary>
    /// <exception cref="UsageException">The shell is not known.</exception>
    public static string Render(string shell, IReadOnlyList<CommandLineOption> options) => shell switch
    {
        "bash" => Bash(options),
        "zsh" => "autoload -U +X bashcompinit && bashcompinit\n" + Bash(options),
        "fish" => Fish(options),
        _ => throw new UsageException($"no completions for '{shell}'; there are some for bash, zsh and fish"),
    };

    private static string Bash(IReadOnlyList<CommandLineOption> options)
    {
        var text = new StringBuilder("# bash completion for plugvisor; load with: source <(plugvisor completions bash)\n_plugvisor() {\n");
        text.Append("    local cur=${COMP_WORDS[COMP_CWORD]} option='' i\n")
            .Append("    COMPREPLY=()\n")
            .Append("    for ((i = COMP_CWORD - 1; i > 0; i--)); do\n")
            .Append("        if [[ ${COMP_WORDS[i]} == --* ]]; then option=${COMP_WORDS[i]}; break; fi\n")
            .Append("    done\n")
            .Append("    if [[ $cur == -* || -z $option && $COMP_CWORD -gt 1 ]]; then\n")
            .Append("        COMPREPLY=($(compgen -W '").AppendJoin(' ', Names(options)).Append(" -v --help --version' -- \"$cur\")); return\n")
            .Append("    fi\n")
            .Append("    if [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W 'plugins completions openapi ")
            .AppendJoin(' ', Names(options)).Append("' -- \"$cur\")); return; fi\n")
            .Append("    local keys='' last=${cur##*,} head=''\n")
            .Append("    [[ $cur == *,* ]] && head=${cur%,*},\n")
            .Append("    case $option in\n");
        foreach (CommandLineOption option in options)
        {
            if (option.IsPath) text.Append("        ").Append(option.Name).Append(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
            else if (option.Keys.Count > 0)
                text.Append("        ").Append(option.Name).Append(") keys='").AppendJoin(' ', Keys(option)).Append("' ;;\n");
        }

        return text.Append("    esac\n")
            .Append("    case $last in\n")
            .Append("        *=*) COMPREPLY=($(compgen -P \"$head${last%%=*}=\" -f -- \"${last#*=}\")) ;;\n")
            .Append("        *) COMPREPLY=($(compgen -P \"$head\" -W \"$keys\" -- \"$last\")) ;;\n")
            .Append("    esac\n")
            .Append("    compopt -o nospace 2>/dev/null\n")
            .Append("}\ncomplete -F _plugvisor plugvisor\n")
            .ToString();
    }

    private static string Fish(IReadOnlyList<CommandLineOption> options)
    {
        var text = new StringBuilder("# fish completion for plugvisor; load with: plugvisor completions fish | source\ncomplete -c plugvisor -f\n");
        foreach (CommandLineOption option in options)
        {
            text.Append("complete -c plugvisor -l ").Append(option.Name.AsSpan(2)).Append(" -d '").Append(option.Help.Replace("'", "\\'")).Append('\'');
            if (option.IsPath) text.Append(" -r -F");
            else if (option.Keys.Count > 0) text.Append(" -x -a '").AppendJoin(' ', Keys(option)).Append('\'');
            else if (option.Value is not null) text.Append(" -x");
            text.Append('\n');
        }

        return text.ToString();
    }

    private static IEnumerable<string> Names(IReadOnlyList<CommandLineOption> options)
    {
        foreach (CommandLineOption option in options) yield return option.Name;
    }

    private static IEnumerable<string> Keys(CommandLineOption option)
    {
        foreach (OptionKeyHelp key in option.Keys) yield return key.Value is null ? key.Name : key.Name + "=";
    }
}
