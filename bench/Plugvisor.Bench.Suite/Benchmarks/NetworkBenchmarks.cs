using Plugvisor.Bench.Suite.Tools;

namespace Plugvisor.Bench.Suite.Benchmarks;

/// <summary>
/// Frames a second between a native guest and a tap, against QEMU (tap, no vhost) with the same guest and the same program at the tap's
/// other end.
/// </summary>
internal static class NetworkBenchmarks
{
    private const int Seconds = 2;
    private const int Frames = 1_500_000;

    /// <summary>The guest sends as fast as it can; the host's kernel drops what comes out of the tap.</summary>
    public static Benchmark Send(Inputs inputs, int size) => Make(
        inputs, $"net_send_{size}", $"Frames of {size} bytes from a guest to a tap", "deaf=1 verify=0",
        $"send={Frames} size={size} window=0 verify=0", "sent_per_s");

    /// <summary>A program on the host sends as fast as it can; what the guest gets is counted.</summary>
    public static Benchmark Receive(Inputs inputs, int size) => Make(
        inputs, $"net_receive_{size}", $"Frames of {size} bytes from a tap to a guest", $"flood=1 verify=0 size={size}",
        $"secs={Seconds} verify=0", "received_per_s");

    private static Benchmark Make(Inputs inputs, string name, string title, string peer, string options, string figure)
    {
        string guest = inputs.Guest("net-frames");
        return new Benchmark(name, title, "frames/s", true, 7, "at least QEMU's (tap, no vhost)",
        [
            new("plugvisor", () => Rate([inputs.Plugvisor, .. Inputs.Ours(guest, options), "--net", "tap=t0"])),
            new("qemu", () => Rate(
            [
                "qemu-system-x86_64", .. Inputs.Qemu("q35", guest, options),
                "-netdev", "tap,id=n,ifname=t0,script=no,downscript=no,vhost=off", "-device", "virtio-net-pci,netdev=n,disable-legacy=on",
            ])),
        ]);

        double Rate(IEnumerable<string> command)
        {
            string output = ChildProcess.Run(inputs.NetPeer, [.. peer.Split(' '), "--", .. command]);
            string line = output.Split('\n').First(line => line.StartsWith("net-frames sent", StringComparison.Ordinal));
            if (!line.Contains(" reordered 0 wrong 0 ", StringComparison.Ordinal)) throw new InvalidOperationException($"frames were mixed up: {output}");
            return ChildProcess.NumberAfter(figure, line);
        }
    }
}
