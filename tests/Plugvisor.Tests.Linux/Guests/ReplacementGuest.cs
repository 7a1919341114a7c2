using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// One guest with a device of every kind that can get new code. It works with all of them at once, each piece of work checked and counted; meanwhile the host reloads
/// every plugin, round after round, and goes on when each device has done something since. At the end the guest panics, for the sake of pvpanic.
/// </summary>
public sealed class ReplacementGuest : BootRun
{
    internal const int Rounds = 2;
    internal const long MemorySize = 256 << 20, BalloonStep = 8 << 20;

    /// <summary>Folders of the plugins. Stock kernels have no driver for the watchdog: it is exchanged under nobody here.</summary>
    internal static readonly string[] Plugins =
        ["virtio-balloon", "virtio-blk", "virtio-net", "virtio-console", "virtio-rng", "virtio-vsock", "virtio-fs", "pmem", "virtio-watchdog", "pvpanic"];

    /// <summary>The guest's workers, and what each of them counts.</summary>
    internal static readonly string[] Workers = ["disk", "net", "noise", "stream", "memory", "files", "lines"];

    internal Boot Boot { get; private set; } = null!;

    /// <summary>Everything, for the message of a failure.</summary>
    internal string Everything => Boot.Everything + string.Concat(Directory.EnumerateFiles(Folder, "found-*").Order()
        .Select(path => $"\n=== {Path.GetFileName(path)}: {File.ReadAllText(path)}"));

    protected override async Task PrepareAsync()
    {
        string peers = Path.Combine(Repository.Root, "artifacts", "peers"), peer = Path.Combine(peers, "vsock-peer");
        await Command.MustAsync("make", "-s", "-C", Path.Combine(Repository.Root, "tests", "peers"), $"OUT={peers}");
        await AddToInitramfsAsync(("bin/vsock-peer", await File.ReadAllBytesAsync(peer)), ("replacement", Encoding.UTF8.GetBytes(GuestScript.ReplaceLineEndings("\n"))));
        Boot = Add(new Boot
        {
            Name = "replacement",
            Initramfs = "$RESULTS/initramfs",
            Before = """
                truncate -s 8M disk
                truncate -s 32M memory
                mkdir shared
                mkfs.ext4 -q -F -b 4096 -O ^has_journal -E lazy_itable_init=0,root_owner=0:0 memory
                """,
            Options = "-v --cpus boot=1 --memory size=256M --serial tty --console pty --api-socket $PWD/api --watchdog --pvpanic --balloon size=0 "
                + "--disk path=disk,image_type=raw --net ip=10.0.3.1,mask=255.255.255.0 --vsock cid=3,socket=$PWD/vsock --fs tag=shared,shared_dir=$PWD/shared --pmem file=memory",
            Script = "sh /replacement",
            Limit = 400,
            Beside = $$"""
                began=$(date +%s)
                told() { echo $(($(date +%s) - began)) s: $1 >>$RESULTS/found-times; }
                ask() { curl -s --max-time 120 --unix-socket api -o "$RESULTS/found-$1" -w '%{http_code}' -X "$2" "http://localhost/api/v1/$3" ${4:+-d "$4"} >"$RESULTS/found-$1.status"; }
                said() { for try in $(seq 1800); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm 2>/dev/null || return 1; sleep 0.1; done; return 1; }
                holds() {
                    for try in $(seq 300); do
                        ask info GET vm.info
                        [ "$(jq .memory_actual_size $RESULTS/found-info)" != $(({{MemorySize}} - $1)) ] || return 0
                        kill -0 $vmm 2>/dev/null || return 1
                        sleep 0.1
                    done
                }
                for try in $(seq 600); do [ ! -S vsock ] || break; kill -0 $vmm || break; sleep 0.1; done
                # What the guest sends comes back to it.
                mkfifo echo back
                tee $RESULTS/stream >echo <back & tee=$!
                '{{peer}}' unix-listen vsock_5001 <echo >back & stream=$!
                said ready=
                told ready
                ask info GET vm.info
                exec 7<>"$(jq -r .config.console.file $RESULTS/found-info)"
                cat <&7 >$RESULTS/lines & lines=$!
                echo start >&7
                for round in $(seq {{Rounds}}); do
                    # So that the guest is just handing pages over.
                    ask resize-$round PUT vm.resize '{"desired_balloon":'$((round * {{BalloonStep}}))'}'
                    for plugin in {{string.Join(' ', Plugins)}}; do
                        ask reload-$round-$plugin PUT vmm.reload-plugin '{"id":"'$plugin'"}'
                        told "$round $plugin"
                    done
                    holds $((round * {{BalloonStep}}))
                    told "balloon $round"
                    jq .memory_actual_size $RESULTS/found-info >$RESULTS/found-actual-$round
                    echo step $round >&7
                    said step=$round || break
                    told "step $round"
                done
                ask plugins GET vmm.plugins
                ask counters GET vm.counters
                echo end >&7
                said written=
                for try in $(seq 300); do kill -0 $stream 2>/dev/null || break; sleep 0.1; done
                kill $stream 2>/dev/null || :
                wait $tee
                # The guest says how many lines it has written; a last moment for what the kernel holds of them.
                last=$(sed -n 's/^written=//p' "$OUT" | tail -n 1)
                for try in $(seq 300); do ! grep -q "^line $last\$" $RESULTS/lines || break; kill -0 $vmm 2>/dev/null || break; sleep 0.1; done
                kill $lines
                cp shared/log $RESULTS/log
                ls -A shared >$RESULTS/found-shared
                echo bye >&7
                for try in $(seq 600); do ! grep -q 'end Kernel panic' "$OUT" || break; kill -0 $vmm 2>/dev/null || break; sleep 0.1; done
                told end
                kill -TERM $(pgrep -P $vmm)
                """,
        });
    }

    private const string GuestScript = """
        cd /tmp
        head -c 65536 /dev/urandom >random
        # Open to the end: a terminal forgets its settings when nobody has it open.
        exec 6<>/dev/hvc0
        stty raw -echo <&6
        mkdir /pm; mount -t ext4 -o dax /dev/pmem0 /pm; echo mount=$?
        mkdir /sh; mount -t virtiofs shared /sh; echo shared=$?
        # Open to the end: one file with a name and one without.
        exec 4>/sh/log 9>/sh/nameless
        rm /sh/nameless
        ip addr add 10.0.3.2/24 dev eth0
        ip link set eth0 up
        mkfifo to
        : >sent
        vsock-peer connect 2 5001 <to >back & peer=$!
        exec 5>to

        # Without a process of its own, as each takes its time here.
        mkfifo idle; exec 8<>idle
        pause() { read -t 0.1 nothing <&8 || :; }
        # Each does one piece of work, the number of which is in $n, and fails when something is not as it was written.
        disk() {
            dd if=random of=/dev/vda bs=64k count=1 seek=$((n % 64)) conv=notrunc,fsync 2>/dev/null &&
            dd if=/dev/vda of=disk.back bs=64k count=1 skip=$((n % 64)) iflag=direct 2>/dev/null && cmp -s random disk.back
        }
        net() { ping -c 1 -W 60 10.0.3.1 >ping.out; }
        noise() { noise=$(head -c 16 /dev/hwrng | hexdump -v -e '1/1 "%02x"') && [ ${#noise} = 32 ] && [ $noise != "$before" ] && before=$noise; }
        stream() {
            head -c 5000 /dev/urandom | tee -a sent >&5
            until [ $(stat -c %s back) -ge $((n * 5000)) ]; do kill -0 $peer || return 1; pause; done; return 0
        }
        memory() { dd if=random of=/pm/file bs=64k conv=fsync 2>/dev/null && cmp -s random /pm/file; }
        files() {
            echo "entry $n" >&4 && echo "entry $n" >&9 && cmp -s /sh/log /proc/self/fd/9 && mkdir /sh/made && cp random /sh/made/file && mv /sh/made/file /sh/made/moved &&
            cmp -s random /sh/made/moved && rm -r /sh/made
        }
        lines() { echo "line $n" >&6; }
        worker() {
            n=0
            while [ ! -e over ]; do
                n=$((n + 1))
                $1 || echo "failed=$1 $n"
                echo $n. >count.$1
                pause
            done
        }
        # How often it was done, in $count; what is just being written does not count.
        count() { read -r count <count.$1 || :; case $count in *.) count=${count%.} ;; *) count=0 ;; esac; }

        echo ready=1
        while read -r word number <&6; do
            case $word in
                start) for w in disk net noise stream memory files lines; do echo 0. >count.$w; worker $w & eval $w=$!; done ;;
                step)
                    for w in disk net noise stream memory files lines; do
                        until count $w; [ $count -gt 0 ]; do pause; done
                        from=$count
                        until count $w; [ $count -ge $((from + 2)) ]; do pause; done
                        echo $w$number=1
                    done
                    echo step=$number ;;
                end) break ;;
                *) echo unknown="$word" ;;
            esac
        done
        touch over
        wait $disk $net $noise $stream $memory $files $lines
        exec 5>&-
        wait $peer; echo peer=$?
        cmp sent back && echo stream=same
        echo sum=$(sha256sum <sent | cut -c-64)
        echo rng=$(cat /sys/class/misc/hw_random/rng_current)
        umount /pm; echo umount=$?
        exec 4>&- 9>&-
        umount /sh; echo unshared=$?
        count files; echo entries=$count
        count lines; echo written=$count
        read -r word <&6
        # The last device: its driver tells of a panic.
        echo 1 >/proc/sys/kernel/sysrq
        echo c >/proc/sysrq-trigger
        """;

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, "found-" + name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    /// <summary>A member of an answer.</summary>
    internal JsonElement Answer(string name) => JsonElement.Parse(Found(name));

    /// <summary>What the other end of the guest's stream got.</summary>
    internal byte[] Stream => Read("stream");

    /// <summary>What was read from the console.</summary>
    internal string Lines => Encoding.UTF8.GetString(Read("lines"));

    /// <summary>What the host has of the file that the guest had open all the time.</summary>
    internal string Log => Encoding.UTF8.GetString(Read("log"));

    private byte[] Read(string name) => Path.Combine(Folder, name) is var path && File.Exists(path) ? File.ReadAllBytes(path) : [];
}
