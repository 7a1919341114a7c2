using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// A guest that starts with no device but its console: a disk, a network device and a balloon come while it runs, are used, and go. (File sharing, pmem and vsock do so in guests
/// of their own.)
/// </summary>
public sealed class HotplugGuest : BootRun
{
    internal const string Mac = "2e:89:a8:e4:92:07";

    internal Boot Boot { get; private set; } = null!;

    internal Ext4Disk Disk => new(Path.Combine(Folder, "disk.after"));

    protected override async Task PrepareAsync()
    {
        await AddToInitramfsAsync(("life", System.Text.Encoding.UTF8.GetBytes(Life.ReplaceLineEndings("\n"))));
        await DiskAsync("disk", files: ("greeting", "put there by the host\n"));
        Boot = Add(new Boot
        {
            Name = "hotplug",
            Initramfs = "$RESULTS/initramfs",
            Options = "--cpus boot=1 --memory size=300M,thp=off --serial tty --console off --api-socket api.sock --event-monitor path=events",
            Script = "sh /life",
            Beside = $$"""
                ask() { curl -s --max-time 60 -o "$RESULTS/$1" -w '%{http_code}' --unix-socket api.sock -X PUT -d "$3" "http://localhost/api/v1/$2" >"$RESULTS/$1.code"; }
                said() { for try in $(seq 900); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm || return 1; sleep 0.1; done; return 1; }
                measure() { awk '/^RssShmem:/ { print $2 }' /proc/$(pgrep -P $vmm)/status >$RESULTS/$1; }
                removed() { for try in $(seq 300); do [ "$(grep -c device-removed events)" -lt $1 ] || break; sleep 0.1; done; }
                cp "$RESULTS/disk" disk
                said ready=
                ask add1 vm.add-disk '{"path":"'"$PWD"'/disk","image_type":"Raw","id":"late"}'
                said disk=
                ask remove1 vm.remove-device '{"id":"late"}'
                removed 1
                ask add2 vm.add-net '{"ip":"192.168.247.1","mask":"255.255.255.0","mac":"{{Mac}}","id":"late"}'
                said net=
                busybox ping -c 3 -W 20 192.168.247.2 >$RESULTS/ping; echo $? >$RESULTS/ping.status
                ask remove2 vm.remove-device '{"id":"late"}'
                removed 2
                ls /sys/class/net >$RESULTS/interfaces
                said touched=
                measure before
                ask add3 vm.add-balloon '{"size":201326592}'
                said balloon=
                measure after
                ask twice vm.add-balloon '{"size":0}'
                ask remove3 vm.remove-device '{"id":"__balloon"}'
                removed 3
                ask info vm.resize '{"desired_balloon":1048576}'
                said back=
                cp disk "$RESULTS/disk.after"; cp events "$RESULTS/events"
                echo >&4
                """,
        });
    }

    private const string Life = """
        until_() { for try in $(seq 300); do ! eval "$1" || return 0; sleep 0.2; done; return 1; }
        free_() { sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo; }
        echo ready=1
        until_ '[ -b /dev/vda ]'
        mount -t ext4 /dev/vda /mnt; echo mount=$?
        echo greeting=$(cat /mnt/greeting)
        echo "put there by the guest" >/mnt/answer
        umount /mnt
        echo disk=1
        until_ '[ ! -b /dev/vda ]'; echo diskgone=$?
        until_ '[ -e /sys/class/net/eth0 ]'
        ip addr add 192.168.247.2/24 dev eth0
        ip link set eth0 up
        echo mac=$(cat /sys/class/net/eth0/address)
        ping -c 3 -W 20 192.168.247.1 >/tmp/ping; echo ping=$?
        echo net=1
        until_ '[ ! -e /sys/class/net/eth0 ]'; echo netgone=$?
        dd if=/dev/zero of=/tmp/a bs=1M count=80 2>/dev/null; rm /tmp/a
        echo total1=$(free_)
        echo touched=1
        until_ '[ $(free_) -lt 110000 ]'; echo shrunk=$?
        echo total2=$(free_)
        echo balloon=1
        until_ '[ $(free_) -gt 200000 ]'; echo grown=$?
        dd if=/dev/zero of=/tmp/a bs=1M count=80 2>/dev/null; echo dd=$?
        echo back=1
        read -r line </dev/ttyS0
        """;

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    /// <summary>A number that the host's side found.</summary>
    internal long Number(string name) => long.TryParse(Found(name), out long number) ? number : -1;

    /// <summary>What the API and the guest said, for the message of a failure.</summary>
    internal string Everything => string.Concat(new[] { "add1", "remove1", "add2", "remove2", "add3", "twice", "remove3", "before", "after", "events" }.Select(name => $"{name}: {Found(name + ".code")} {Found(name)}\n"))
        + Boot.Everything;
}
