using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// One guest with two pmem devices, which reboots once. In its first life it writes to both, and a third comes and goes; in the second it looks what is left.
/// </summary>
public sealed class PmemGuest : BootRun
{
    internal const string Greeting = "put there by the host\n";

    // On the device itself, because it does not fit a command line. Values of the first life are kept there, too.
    private const string Life = """
        if [ -e /mnt/second ]; then
            cat /mnt/values
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
        echo ready=1
        for try in $(seq 300); do [ ! -b /dev/pmem2 ] || break; sleep 0.2; done
        mount -t ext4 /dev/pmem2 /tmp/d; v mount2=$?
        v late="$(cat /tmp/d/greeting)"
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
        await MemoryAsync("main", ("greeting", Greeting), ("life", Life.ReplaceLineEndings("\n")));
        await MemoryAsync("discard", ("greeting", Greeting));
        await MemoryAsync("late", ("greeting", Greeting));
        Boot = Add(new Boot
        {
            Name = "pmem",
            // Copied beside the results, because those may be on a filesystem that cannot be mapped for writing.
            Options = "--cpus boot=1 --memory size=256M --serial tty --console off --api-socket api.sock "
                + "--pmem file=$(cp \"$RESULTS/main\" main && echo main) file=$(cp \"$RESULTS/discard\" discard && cp \"$RESULTS/late\" late && echo discard),discard_writes=on",
            Script = "mount -t ext4 -o dax /dev/pmem0 /mnt; echo mount=$?; cp /mnt/life /tmp/life; exec sh /tmp/life",
            Beside = """
                ask() { curl -s -o "$RESULTS/$1" -w '%{http_code}' --unix-socket api.sock -X PUT -H 'Content-Type: application/json' -d "$3" "http://localhost/api/v1/$2" >"$RESULTS/$1.code"; }
                for try in $(seq 600); do ! grep -q '^ready=1' "$OUT" || break; sleep 0.2; done
                ask added vm.add-pmem '{"file":"'"$PWD"'/late","id":"late"}'
                for try in $(seq 300); do ! grep -q '^used=1' "$OUT" || break; sleep 0.2; done
                ask removed vm.remove-device '{"id":"late"}'
                while kill -0 $vmm 2>/dev/null; do sleep 0.2; done
                for name in main discard late; do cp $name "$RESULTS/$name.after"; done
                """,
        });
    }

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
