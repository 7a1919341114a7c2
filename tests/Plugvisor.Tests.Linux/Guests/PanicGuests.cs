using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>A guest whose kernel panics while its VMM has a pvpanic device.</summary>
public sealed class PanicGuests : BootRun
{
    /// <summary>Panics by sysrq and stays so; the VMM is ended once it has told, or after a while.</summary>
    internal Boot Panicking { get; private set; } = null!;

    /// <summary>What the event monitor wrote.</summary>
    internal string Events => File.ReadAllText(Path.Combine(Folder, "panicking.events"));

    protected override Task PrepareAsync()
    {
        Panicking = Add(new Boot
        {
            Name = "panicking",
            Options = "--cpus boot=1 --memory size=256M --serial tty --console off --pvpanic --event-monitor \"path=$RESULTS/panicking.events\"",
            Script = """
                for d in /sys/bus/pci/drivers/pvpanic-pci/0000:*; do echo function=${d##*/}; done
                echo 1 >/proc/sys/kernel/sysrq
                echo c >/proc/sysrq-trigger
                """,
            Beside = """
                for try in $(seq 600); do ! grep -q 'end Kernel panic' "$OUT" || break; sleep 0.2; done
                kill -TERM $(pgrep -P $vmm)
                """,
        });
        return Task.CompletedTask;
    }
}
