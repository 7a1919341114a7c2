using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Three boots: the packed kernel, a shell on the serial line, a script on hvc0.</summary>
public sealed class ConsoleGuests : BootRun
{
    private const string Small = "--cpus boot=1 --memory size=256M --serial tty --console off ";

    /// <summary>The kernel as Debian ships it, with nothing on its command line but the console.</summary>
    internal Boot Packed { get; private set; } = null!;

    /// <summary>A guest whose shell is typed on over the serial line.</summary>
    internal Boot Typed { get; private set; } = null!;

    /// <summary>A guest that talks over hvc0, with plugvisor's terminal at the other end.</summary>
    internal Boot Console { get; private set; } = null!;

    protected override Task PrepareAsync()
    {
        Packed = Add(new Boot
        {
            Name = "packed",
            Kernel = "vmlinuz",
            CommandLine = "console=ttyS0",
            Options = Small,
            Script = "echo release=$(uname -r)",
            Limit = 240,
        });
        Typed = Add(new Boot
        {
            Name = "typed",
            Options = Small,
            Beside = """
                for try in $(seq 600); do ! grep -q 'guest:' "$OUT" || break; sleep 0.2; done
                echo 'echo product=$((6 * 7))' >&4
                for try in $(seq 300); do ! grep -q 'product=42' "$OUT" || break; sleep 0.2; done
                echo poweroff >&4
                """,
        });
        Console = Add(new Boot
        {
            Name = "console",
            Options = "--cpus boot=1 --memory size=256M --serial file=$RESULTS/console.serial --console tty",
            CommandLine = Repository.GuestCommandLine + " pv.tty=hvc0",
            Script = """
                echo tty=$(readlink /proc/$$/fd/1)
                read -r line </dev/hvc0
                echo heard=$line
                """,
            Beside = """
                for try in $(seq 600); do ! grep -q '^tty=' "$OUT" || break; sleep 0.2; done
                echo 'over the console' >&4
                """,
        });
        return Task.CompletedTask;
    }
}
