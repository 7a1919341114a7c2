using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Boots in other ways: the packed kernel, a reboot, consoles that are typed on, ends that come from outside.</summary>
public sealed class OtherBoots : BootRun
{
    private const string Small = "--cpus boot=1 --memory size=256M --serial tty --console off ";

    /// <summary>The kernel as Debian ships it, with nothing on its command line but the console.</summary>
    internal Boot Packed { get; private set; } = null!;

    /// <summary>A guest that reboots once and knows by its disk that it did.</summary>
    internal Boot Rebooting { get; private set; } = null!;

    /// <summary>A guest whose shell is typed on over the serial line.</summary>
    internal Boot Typed { get; private set; } = null!;

    /// <summary>A guest that talks over hvc0, with plugvisor's terminal at the other end.</summary>
    internal Boot Console { get; private set; } = null!;

    /// <summary>A VMM that gets SIGTERM while its guest idles.</summary>
    internal Boot Terminated { get; private set; } = null!;

    /// <summary>A VMM that is killed right after its guest has flushed.</summary>
    internal Boot Killed { get; private set; } = null!;

    internal Ext4Disk KilledDisk { get; private set; } = null!;

    protected override async Task PrepareAsync()
    {
        await DiskAsync("reboot-disk");
        KilledDisk = await DiskAsync("killed-disk");
        Packed = Add(new Boot
        {
            Name = "packed",
            Kernel = "vmlinuz",
            CommandLine = "console=ttyS0",
            Options = Small,
            Script = "echo release=$(uname -r)",
            Limit = 150,
        });
        Rebooting = Add(new Boot
        {
            Name = "rebooting",
            Options = Small + "--disk \"path=$RESULTS/reboot-disk,image_type=raw\"",
            Script = """
                mount -t ext4 /dev/vda /mnt
                if [ -e /mnt/been-here ]; then echo boot=second; else echo boot=first; touch /mnt/been-here; umount /mnt; reboot -f; fi
                """,
        });
        Typed = Add(new Boot
        {
            Name = "typed",
            Options = Small,
            Beside = """
                for try in $(seq 300); do ! grep -q 'guest:' "$OUT" || break; sleep 0.2; done
                echo 'echo product=$((6 * 7))' >&4
                for try in $(seq 100); do ! grep -q 'product=42' "$OUT" || break; sleep 0.2; done
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
                for try in $(seq 300); do ! grep -q '^tty=' "$OUT" || break; sleep 0.2; done
                echo 'over the console' >&4
                """,
        });
        Terminated = Add(new Boot
        {
            Name = "terminated",
            Options = Small,
            Script = "echo idle=1; sleep 1000",
            Beside = """
                for try in $(seq 300); do ! grep -q '^idle=1' "$OUT" || break; sleep 0.2; done
                kill -TERM $(pgrep -P $vmm)
                """,
        });
        Killed = Add(new Boot
        {
            Name = "killed",
            Options = Small + "--disk \"path=$RESULTS/killed-disk,image_type=raw\"",
            Script = """
                mount -t ext4 /dev/vda /mnt
                seq 100000 >/mnt/numbers
                sync
                echo flushed=1
                sleep 1000
                """,
            Beside = """
                for try in $(seq 300); do ! grep -q '^flushed=1' "$OUT" || break; sleep 0.2; done
                kill -KILL $(pgrep -P $vmm)
                """,
        });
    }
}
