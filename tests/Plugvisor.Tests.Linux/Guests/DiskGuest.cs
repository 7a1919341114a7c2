using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>One boot of the vmlinux with two vCPUs, a disk, a read-only disk and an entropy source.</summary>
public sealed class DiskGuest : BootRun
{
    internal const string Greeting = "put there by the host\n";

    internal Boot Boot { get; private set; } = null!;

    internal Ext4Disk Disk { get; private set; } = null!;

    internal Ext4Disk ReadOnlyDisk { get; private set; } = null!;

    protected override async Task PrepareAsync()
    {
        Disk = await DiskAsync("disk", "48M", ("greeting", Greeting));
        ReadOnlyDisk = await DiskAsync("readonly", "16M", ("greeting", Greeting));
        Boot = Add(new Boot
        {
            Name = "disk-guest",
            Options = "--cpus boot=2 --memory size=384M --rng src=/dev/urandom --serial tty --console off "
                + "--disk \"path=$RESULTS/disk,image_type=raw,serial=plug-1\" \"path=$RESULTS/readonly,image_type=raw,readonly=on\"",
            Script = """
                echo cpus=$(nproc)
                echo memory=$(awk '/MemTotal/ {print $2}' /proc/meminfo)
                echo release=$(uname -r)
                echo size=$(cat /sys/block/vda/size)
                echo serial=$(cat /sys/block/vda/serial)
                mount -t ext4 /dev/vda /mnt; echo mount=$?
                echo greeting=$(cat /mnt/greeting)
                dd if=/dev/urandom of=/mnt/random bs=64k count=64 2>/dev/null
                echo sum=$(sha256sum </mnt/random)
                echo "put there by the guest" >/mnt/answer
                sync
                echo 3 >/proc/sys/vm/drop_caches
                echo again=$(sha256sum </mnt/random)
                echo ro=$(cat /sys/block/vdb/ro)
                dd if=/dev/zero of=/dev/vdb bs=4k count=1 2>/dev/null; echo write=$?
                echo rng=$(cat /sys/class/misc/hw_random/rng_current)
                echo entropy=$(head -c 16 /dev/hwrng | wc -c)
                echo irqs=$(grep -c 'MSI.*virtio' /proc/interrupts)
                """,
        });
    }
}
