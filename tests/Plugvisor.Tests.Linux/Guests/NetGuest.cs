using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>A guest with a network device on a tap interface that plugvisor makes.</summary>
public sealed class NetGuest : BootRun
{
    internal const string Mac = "2e:89:a8:e4:92:01";

    internal Boot Boot { get; private set; } = null!;

    protected override Task PrepareAsync()
    {
        Boot = Add(new Boot
        {
            Name = "net",
            Options = $"--cpus boot=1 --memory size=256M --serial tty --console off --net ip=192.168.249.1,mask=255.255.255.0,mac={Mac},mtu=1400",
            Script = """
                cd /sys/class/net/eth0
                ip addr add 192.168.249.2/24 dev eth0
                ip link set eth0 up
                echo mac=$(cat address)
                echo mtu=$(cat mtu)
                echo carrier=$(cat carrier)
                ping -c 5 -s 1300 -W 20 192.168.249.1 >/tmp/ping; echo ping=$?
                cat /tmp/ping
                echo irqs=$(grep -c 'virtio0-\(in\|out\)put' /proc/interrupts)
                echo waiting=1
                sleep 60
                """,
            // The host's side while the guest is there: its address, and whether it reaches the guest.
            Beside = """
                for try in $(seq 600); do ! grep -q '^waiting=1' "$OUT" || break; sleep 0.2; done
                busybox ip addr show vmtap0 >$RESULTS/address
                busybox ping -c 3 -W 20 192.168.249.2 >$RESULTS/ping; echo $? >$RESULTS/ping.status
                kill -TERM $(pgrep -P $vmm)
                for try in $(seq 100); do [ -e /sys/class/net/vmtap0 ] || break; sleep 0.1; done
                [ -e /sys/class/net/vmtap0 ] && echo there >$RESULTS/after || echo gone >$RESULTS/after
                """,
        });
        return Task.CompletedTask;
    }

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }
}
