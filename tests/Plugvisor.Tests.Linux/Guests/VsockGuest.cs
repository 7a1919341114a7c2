using System.Security.Cryptography;
using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// A guest with a vsock device: streams of some megabytes in both directions, asked for by either side, in the middle of which the plugin gets new code; then the device is removed over REST, and another
/// one added, which is used as well.
/// </summary>
public sealed class VsockGuest : BootRun
{
    private const int FileSize = 4_000_000;

    internal Boot Boot { get; private set; } = null!;

    /// <summary>The sum of the file that the host sends.</summary>
    internal string HostsSum { get; private set; } = "";

    protected override async Task PrepareAsync()
    {
        string peers = Path.Combine(Repository.Root, "artifacts", "peers"), peer = Path.Combine(peers, "vsock-peer");
        await Command.MustAsync("make", "-s", "-C", Path.Combine(Repository.Root, "tests", "peers"), $"OUT={peers}");
        await AddToInitramfsAsync(("bin/vsock-peer", await File.ReadAllBytesAsync(peer)), ("vsock-test", System.Text.Encoding.UTF8.GetBytes(GuestScript)));
        byte[] data = RandomNumberGenerator.GetBytes(FileSize);
        await File.WriteAllBytesAsync(Path.Combine(Folder, "data"), data);
        HostsSum = Sum(data);
        Boot = Add(new Boot
        {
            Name = "vsock",
            Initramfs = "$RESULTS/initramfs",
            Options = "--cpus boot=1 --memory size=256M --serial tty --console off --api-socket $PWD/api --vsock cid=3,socket=$PWD/vsock",
            Script = "sh /vsock-test",
            Beside = $$"""
                ask() { curl -s --max-time 60 --unix-socket api -o "$RESULTS/$1" -w '%{http_code}' -X "$2" "http://localhost/api/v1/$3" ${4:+-d "$4"} >"$RESULTS/$1.status"; }
                said() { for try in $(seq 900); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm || return 1; sleep 0.1; done; return 1; }
                peer='{{peer}}'
                for try in $(seq 600); do [ ! -S vsock ] || break; kill -0 $vmm || break; sleep 0.1; done
                stat -c %a vsock >$RESULTS/mode
                # The data, and new code for the plugin when half of it is under way.
                data() { head -c $(({{FileSize}} / 2)) $RESULTS/data; ask $1 PUT vmm.reload-plugin '{"id":"virtio-vsock"}'; tail -c +$(({{FileSize}} / 2 + 1)) $RESULTS/data; }
                data reload1 | timeout 120 $peer unix-listen vsock_5001 >$RESULTS/got1
                data reload2 | timeout 120 $peer unix-connect vsock 5002 >$RESULTS/got2
                said removable=
                ask before GET vm.info
                ask counters GET vm.counters
                ask remove PUT vm.remove-device '{"id":"_vsock0"}'
                said gone=
                for try in $(seq 600); do [ -e vsock ] || break; sleep 0.1; done
                [ -e vsock ] && echo there >$RESULTS/after || echo gone >$RESULTS/after
                ask add PUT vm.add-vsock '{"cid":7,"socket":"'$PWD'/again","id":"second"}'
                ask twice PUT vm.add-vsock '{"cid":8,"socket":"'$PWD'/third"}'
                timeout 60 $peer unix-listen again_5003 <$RESULTS/data >$RESULTS/got3
                """,
            Limit = 240,
        });
    }

    private const string GuestScript = """
        head -c 4000000 /dev/urandom >/tmp/a
        echo sum=$(sha256sum </tmp/a | cut -c-64)
        vsock-peer connect 2 5001 </tmp/a >/tmp/b; echo status1=$?
        echo got1=$(sha256sum </tmp/b | cut -c-64)
        vsock-peer listen 5002 </tmp/a >/tmp/b; echo status2=$?
        echo got2=$(sha256sum </tmp/b | cut -c-64)
        find() { grep -l 0x0013 /sys/bus/virtio/devices/*/device 2>/dev/null; }
        echo device=$(find)
        echo removable=1
        for t in $(seq 600); do [ -n "$(find)" ] || break; sleep 0.1; done
        echo gone=$(find | wc -l)
        for t in $(seq 600); do [ -z "$(find)" ] || break; sleep 0.1; done
        echo back=$(find | wc -l)
        vsock-peer connect 2 5003 </tmp/a >/tmp/b; echo status3=$?
        echo got3=$(sha256sum </tmp/b | cut -c-64)
        """;

    /// <summary>The sum of a file that the host got.</summary>
    internal string SumOf(string name) => File.Exists(Path.Combine(Folder, name)) ? Sum(File.ReadAllBytes(Path.Combine(Folder, name))) : "no file";

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    private static string Sum(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
