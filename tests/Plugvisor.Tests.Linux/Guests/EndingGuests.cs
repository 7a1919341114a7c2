using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Three boots with other ends than a power off: a reboot, SIGTERM, SIGKILL after a flush.</summary>
public sealed class EndingGuests : BootRun
{
    private const string Small = "--cpus boot=1 --memory size=256M --serial tty --console off ";

    /// <summary>A guest that reboots once and knows by its disk that it did.</summary>
    internal Boot Rebooting { get; private set; } = null!;

    /// <summary>A VMM that gets SIGTERM while its guest idles.</summary>
    internal Boot Terminated { get; private set; } = null!;

    /// <summary>A VMM that is killed right after its guest has flushed.</summary>
    internal Boot Killed { get; private set; } = null!;

    internal Ext4Disk KilledDisk { get; private set; } = null!;

    protected override async Task PrepareAsync()
    {
        await DiskAsync("reboot-disk");
        KilledDisk = await DiskAsync("killed-disk");
        Rebooting = Add(new Boot
        {
            Name = "rebooting",
            Options = Small + "--disk \"path=$RESULTS/reboot-disk,image_type=raw\"",
            Script = """
                mount -t ext4 /dev/vda /mnt
                if [ -e /mnt/been-here ]; then echo boot=second; else echo boot=first; touch /mnt/been-here; umount /mnt; reboot -f; fi
                """,
        });
        Terminated = Add(new Boot
        {
            Name = "terminated",
            Options = Small,
            Script = "echo idle=1; sleep 1000",
            Beside = """
                for try in $(seq 600); do ! grep -q '^idle=1' "$OUT" || break; sleep 0.2; done
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
                for try in $(seq 600); do ! grep -q '^flushed=1' "$OUT" || break; sleep 0.2; done
                kill -KILL $(pgrep -P $vmm)
                """,
        });
    }
}
