using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// One guest with two pmem devices and memory shared by ivshmem, which reboots once. In its first life it writes to all of them, and a third pmem device comes and goes; in the second it
/// looks what is left.
/// </summary>
public sealed class PmemGuest : BootRun
{
    internal const string Greeting = "put there by the host\n";

    /// <summary>Bytes shared by ivshmem.</summary>
    internal const int SharedSize = 1 << 20;

    /// <summary>Where the host writes while the guest runs, and where the guest does.</summary>
    internal const int HostWrites = 0x1000, GuestWrites = SharedSize - 0x1000;

    // On the device itself, because it does not fit a command line. Values of the first life are kept there, too.
    private static readonly string s_life = $$"""
        d=$(dirname $(grep -l 0x1110 /sys/bus/pci/devices/*/device))
        echo 1 >$d/enable
        # busybox's devmem maps /dev/mem, whatever that is; a file of sysfs can be mapped but not read.
        ln -sf $d/resource2 /dev/mem
        if [ -e /mnt/second ]; then
            cat /mnt/values
            echo kept=$(devmem {{GuestWrites}} 32)
            echo again=$(sha256sum </mnt/random)
            mkdir /tmp/d; mount -t ext4 /dev/pmem1 /tmp/d; echo discarded=$(ls /tmp/d/secret 2>/dev/null | wc -l)
            echo address2=$(grep -i 'namespace0.0' /proc/iomem | head -n 1)
            umount /tmp/d; umount /mnt
            exit 0
        fi
        v() { echo "$1" >>/mnt/values; }
        v size=$(cat /sys/block/pmem0/size)
        v address="$(echo $(grep -i 'namespace0.0' /proc/iomem | head -n 1))"
        v dax=$(grep -c ' /mnt .*dax' /proc/mounts)
        v greeting="$(cat /mnt/greeting)"
        dd if=/dev/urandom of=/mnt/random bs=64k count=32 2>/dev/null
        sync
        v sum="$(echo $(sha256sum </mnt/random))"
        mkdir /tmp/d
        mount -t ext4 /dev/pmem1 /tmp/d; v mount1=$?
        echo secret >/tmp/d/secret; sync
        umount /tmp/d
        v shared="$(echo $(cat $d/vendor $d/device $d/class $d/revision) $(stat -c %s $d/resource2))"
        v first=$(devmem 0 32)
        devmem {{GuestWrites}} 32 0x74737567
        echo ready=1
        for try in $(seq 300); do [ ! -b /dev/pmem2 ] || break; sleep 0.2; done
        mount -t ext4 /dev/pmem2 /tmp/d; v mount2=$?
        v late="$(cat /tmp/d/greeting)"
        v live=$(devmem {{HostWrites}} 32)
        echo "put there by the guest" >/tmp/d/answer
        umount /tmp/d; v umount2=$?
        echo used=1
        for try in $(seq 300); do [ -b /dev/pmem2 ] || break; sleep 0.2; done
        [ -b /dev/pmem2 ]; v gone=$?
        touch /mnt/second
        umount /mnt
        reboot
        sleep 60
        """;

    internal Boot Boot { get; private set; } = null!;

    internal Ext4Disk Disk => new(Path.Combine(Folder, "main.after"));

    internal Ext4Disk Discarded => new(Path.Combine(Folder, "discard.after"));

    internal Ext4Disk Late => new(Path.Combine(Folder, "late.after"));

    protected override async Task PrepareAsync()
    {
        await MemoryAsync("main", ("greeting", Greeting), ("life", s_life.ReplaceLineEndings("\n")));
        await MemoryAsync("discard", ("greeting", Greeting));
        await MemoryAsync("late", ("greeting", Greeting));
        byte[] shared = new byte[SharedSize];
        "host"u8.CopyTo(shared);
        await File.WriteAllBytesAsync(Path.Combine(Folder, "shared"), shared);
        Boot = Add(new Boot
        {
            Name = "pmem",
            // Copied beside the results, because those may be on a filesystem that cannot be mapped for writing.
            Options = "--cpus boot=1 --memory size=256M --serial tty --console off --api-socket api.sock "
                + "--pmem file=$(cp \"$RESULTS/main\" main && echo main) file=$(cp \"$RESULTS/discard\" discard && cp \"$RESULTS/late\" late && echo discard),discard_writes=on "
                + "--ivshmem path=$(cp \"$RESULTS/shared\" shared && echo shared),size=1M",
            Script = "mount -t ext4 -o dax /dev/pmem0 /mnt; echo mount=$?; cp /mnt/life /tmp/life; exec sh /tmp/life",
            Beside = $$"""
                ask() { curl -s -o "$RESULTS/$1" -w '%{http_code}' --unix-socket api.sock -X PUT -H 'Content-Type: application/json' -d "$3" "http://localhost/api/v1/$2" >"$RESULTS/$1.code"; }
                for try in $(seq 600); do ! grep -q '^ready=1' "$OUT" || break; sleep 0.2; done
                printf live | dd of=shared bs=1 seek={{HostWrites}} conv=notrunc 2>/dev/null
                ask added vm.add-pmem '{"file":"'"$PWD"'/late","id":"late"}'
                for try in $(seq 300); do ! grep -q '^used=1' "$OUT" || break; sleep 0.2; done
                ask removed vm.remove-device '{"id":"late"}'
                while kill -0 $vmm 2>/dev/null; do sleep 0.2; done
                for name in main discard late shared; do cp $name "$RESULTS/$name.after"; done
                """,
        });
    }

    /// <summary>The memory of ivshmem as the guest left it.</summary>
    internal byte[] Shared => File.ReadAllBytes(Path.Combine(Folder, "shared.after"));

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    /// <summary>An ext4 image with blocks of a page, which DAX needs.</summary>
    private async Task MemoryAsync(string name, params (string Name, string Text)[] files)
    {
        string content = Path.Combine(Folder, name + ".files"), image = Path.Combine(Folder, name);
        Directory.CreateDirectory(content);
        foreach ((string file, string text) in files) await File.WriteAllTextAsync(Path.Combine(content, file), text);
        await using (FileStream stream = File.Create(image)) stream.SetLength(32 << 20);
        await Command.MustAsync("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", "-d", content, image);
        Directory.Delete(content, recursive: true);
    }
}
