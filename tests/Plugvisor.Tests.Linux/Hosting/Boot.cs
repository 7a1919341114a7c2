using System.Text;

namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>One start of plugvisor with a Linux guest: what it is given, and afterwards how it went.</summary>
internal sealed class Boot
{
    // The kernel's own limit on x86 is 2048 (COMMAND_LINE_SIZE), some of which are the other options.
    private const int LongestScript = 1600;

    /// <summary>Begins the names of this boot's files.</summary>
    public required string Name { get; init; }

    /// <summary>What the guest runs (busybox's shell); nothing gives it an interactive shell.</summary>
    public string? Script { get; init; }

    /// <summary>vmlinux or vmlinuz.</summary>
    public string Kernel { get; init; } = "vmlinux";

    /// <summary>The initramfs, in bash's syntax.</summary>
    public string Initramfs { get; init; } = Path.Combine(Repository.Guest, "initramfs.cpio");

    /// <summary>The kernel's command line but for the script; the time-saving one by default.</summary>
    public string CommandLine { get; init; } = Repository.GuestCommandLine;

    /// <summary>Options of plugvisor beyond kernel, initramfs and command line, in bash's syntax; $RESULTS is the folder of results.</summary>
    public string Options { get; init; } = "--cpus boot=1 --memory size=256M --serial tty";

    /// <summary>Bash that runs before plugvisor starts; its variables are there for <see cref="Options"/> and <see cref="Beside"/>.</summary>
    public string? Before { get; init; }

    /// <summary>
    /// Bash that runs beside plugvisor (its id is $vmm): it may read $OUT, which is plugvisor's standard output so far, and write to
    /// descriptor 4, plugvisor's standard input. Without one the input is empty.
    /// </summary>
    public string? Beside { get; init; }

    /// <summary>Seconds after which plugvisor is killed.</summary>
    public int Limit { get; init; } = 180;

    /// <summary>Exit code of plugvisor; 137 after a kill, also by the limit.</summary>
    public int Status { get; private set; } = -1;

    /// <summary>Standard output: with --serial tty what the guest wrote to its serial line.</summary>
    public string Output { get; private set; } = "";

    /// <summary>Standard error: the log.</summary>
    public string Log { get; private set; } = "";

    /// <summary>What the guest's script printed.</summary>
    public string ScriptOutput { get; private set; } = "";

    /// <summary>The status that the guest's script ended with; nothing when it did not come to its end.</summary>
    public int? ScriptStatus { get; private set; }

    /// <summary>Values of the lines NAME=VALUE that the script printed; the last of a name.</summary>
    public string? this[string name] => ScriptOutput.Split('\n')
        .LastOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..].Trim();

    /// <summary>Everything, for the message of a failure.</summary>
    public string Everything => $"\n=== {Name}: status {Status}\n--- output\n{Output}\n--- log\n{Log}";

    private string Api => Options.Contains("--api-socket", StringComparison.Ordinal) ? "" : "--api-socket none";

    /// <summary>The bash that does it.</summary>
    public string ToBash()
    {
        string line = CommandLine;
        if (Script is not null)
        {
            string encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(Script.ReplaceLineEndings("\n")));
            if (encoded.Length > LongestScript) throw new InvalidOperationException($"the script of {Name} does not fit a kernel command line");
            line += " pv.run=" + encoded;
        }
        return $"""
            {Before}
            export OUT=$RESULTS/{Name}.out
            : >"$OUT"
            rm -f input
            mkfifo input
            # Both ways, so that neither opening it nor plugvisor's first read waits for somebody.
            exec 4<>input
            timeout -s KILL {Limit} '{Repository.Plugvisor}' --kernel '{Repository.Guest}/{Kernel}' \
                --initramfs "{Initramfs}" --cmdline '{line}' {Options} {Api} \
                <{(Beside is null ? "/dev/null" : "input")} >"$OUT" 2>"$RESULTS/{Name}.log" 4>&- &
            vmm=$!
            {Beside}
            wait $vmm && status=0 || status=$?
            exec 4>&-
            echo $status >"$RESULTS/{Name}.status"

            """;
    }

    /// <summary>Reads how it went from the files that the bash left behind.</summary>
    public void Collect(string results)
    {
        Output = Read("out").Replace("\r\n", "\n", StringComparison.Ordinal);
        Log = Read("log");
        Status = int.TryParse(Read("status"), out int status) ? status : -1;
        const string begin = "@pv begin\n", end = "\n@pv end ";
        int from = Output.LastIndexOf(begin, StringComparison.Ordinal);
        if (from < 0) return;
        from += begin.Length;
        // From one back: a script that printed nothing has its only line break before the mark.
        int to = Output.IndexOf(end, from - 1, StringComparison.Ordinal);
        ScriptOutput = to < from ? Output[from..] : Output[from..to];
        if (to >= 0 && int.TryParse(Output[(to + end.Length)..].Split('\n')[0], out int ended)) ScriptStatus = ended;

        string Read(string extension)
        {
            string path = Path.Combine(results, $"{Name}.{extension}");
            return File.Exists(path) ? File.ReadAllText(path) : "";
        }
    }
}
