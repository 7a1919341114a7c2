using System.Security.Cryptography;
using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// A guest with two vCPUs and two network devices: the first (10.0.1.2) with two pairs of queues and every offload, the second (10.0.2.2) with none. Over
/// each it exchanges a file with the host and runs iperf3, both ways, while the plugin gets new code.
/// </summary>
public sealed class TrafficGuest : BootRun
{
    private const int FileSize = 3_000_000;

    internal Boot Boot { get; private set; } = null!;

    /// <summary>The sum of the file that the host sends.</summary>
    internal string HostsSum { get; private set; } = "";

    protected override async Task PrepareAsync()
    {
        await Command.MustAsync(Repository.Engineering("guest/iperf3"));
        string iperf3 = Path.Combine(Path.GetDirectoryName(Repository.Guest)!, "iperf3");
        await using (FileStream all = File.Create(Path.Combine(Folder, "initramfs")))
        {
            foreach (string part in new[] { Path.Combine(Repository.Guest, "initramfs.cpio"), Path.Combine(iperf3, "initramfs.cpio") })
            {
                await using FileStream from = File.OpenRead(part);
                await from.CopyToAsync(all);
            }
        }

        byte[] data = RandomNumberGenerator.GetBytes(FileSize);
        await File.WriteAllBytesAsync(Path.Combine(Folder, "data"), data);
        HostsSum = Sum(data);
        Boot = Add(new Boot
        {
            Name = "traffic",
            Initramfs = "$RESULTS/initramfs",
            Options = "--cpus boot=2 --memory size=384M --serial tty --console off --api-socket $PWD/api -v "
                + "--net ip=10.0.1.1,mask=255.255.255.0,num_queues=4 ip=10.0.2.1,mask=255.255.255.0,offload_tso=off,offload_ufo=off,offload_csum=off",
            Script = $"""
                mkfifo /tmp/f
                exec 9<>/tmp/f
                head -c {FileSize} /dev/urandom >/tmp/a
                echo sum=$(sha256sum </tmp/a | cut -c-64)
                for n in 1 2; do
                d=eth$((n-1)) h=10.0.$n.1
                ip addr add 10.0.$n.2/24 dev $d
                ip link set $d up
                echo features$n=$(cat /sys/class/net/$d/device/features)
                echo queues$n=$(ls -d /sys/class/net/$d/queues/rx-* | wc -l)
                for t in $(seq 60); do nc $h 5001 </tmp/a && break; sleep 1; done
                for t in $(seq 60); do nc $h 5002 <&9 >/tmp/b && break; sleep 1; done
                echo got$n=$(sha256sum </tmp/b | cut -c-64)
                # Mean bytes of a frame, of the direction that carries the data; the other one carries acknowledgements.
                cd /sys/class/net/$d/statistics
                bytes=$(cat tx_bytes) frames=$(cat tx_packets)
                iperf3 -c $h -n 3M >/tmp/out; echo up$n=$?
                echo sent$n=$((($(cat tx_bytes) - bytes) / ($(cat tx_packets) - frames)))
                bytes=$(cat rx_bytes) frames=$(cat rx_packets)
                iperf3 -c $h -n 3M -R >/tmp/out; echo down$n=$?
                echo received$n=$((($(cat rx_bytes) - bytes) / ($(cat rx_packets) - frames)))
                cd - >/dev/null
                grep receiver /tmp/out
                done
                echo done=1
                read -r line </dev/ttyS0
                """,
            Beside = $$"""
                mkfifo hold
                exec 5<>hold
                '{{iperf3}}/iperf3' -s >$RESULTS/iperf3 2>&1 & server=$!
                for n in 1 2; do
                    timeout 150 busybox nc -l -p 5001 <&5 >$RESULTS/got$n
                    timeout 150 busybox nc -l -p 5002 <$RESULTS/data >/dev/null
                    curl -s --max-time 60 --unix-socket api -X PUT http://localhost/api/v1/vmm.reload-plugin -d '{"id":"virtio-net"}' -o $RESULTS/reload -w '%{http_code}\n' >>$RESULTS/reloads
                done
                for try in $(seq 900); do ! grep -q '^done=' "$OUT" || break; sleep 0.1; done
                # The interfaces go with the guest, which has waited for this.
                echo over >&4
                kill $server
                """,
            Limit = 240,
        });
    }

    /// <summary>The sum of a file that the host got.</summary>
    internal string SumOf(string name) => File.Exists(Path.Combine(Folder, name)) ? Sum(File.ReadAllBytes(Path.Combine(Folder, name))) : "no file";

    /// <summary>Status codes of the reloads.</summary>
    internal string Reloads => File.Exists(Path.Combine(Folder, "reloads")) ? File.ReadAllText(Path.Combine(Folder, "reloads")) : "";

    /// <summary>Mean bytes of a frame, as the guest's driver counted while iperf3 ran: a frame that is to be segmented counts once.</summary>
    internal int MeanFrame(string name) => int.TryParse(Boot[name], out int mean) ? mean : 0;

    private static string Sum(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
