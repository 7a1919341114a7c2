using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A native guest and a program on the host exchange numbered frames over a tap. Neither loses, changes or reorders one.</summary>
public sealed class NetTests
{
    private const string Tap = "tap=t0";

    /// <summary>
    /// Boots in a network namespace of its own with a tap t0, at whose other end is tests/peers/net-peer. Its exit code is plugvisor's, unless
    /// something was wrong with the frames, and its findings are the last line of the output.
    /// </summary>
    private static VmmProcess Boot(string guest, string options, string peerOptions, params string[] arguments) =>
        VmmProcess.BootBy([PeerPrograms.Of("net-peer"), .. peerOptions.Split(' '), "--"], guest, options, arguments);

    [Theory]
    [InlineData("size=64", Tap)]
    [InlineData("size=1500", Tap)]
    [InlineData("size=64 mrg=0 event=0", Tap)]
    [InlineData("size=333 queue=16", Tap)]
    [InlineData("size=64", Tap + ",queue_size=1024")]
    public async Task What_the_guest_sends_reaches_the_tap(string options, string net)
    {
        using VmmProcess vmm = Boot("net-frames", $"send=40000 {options}", "recv=40000", "--net", net);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("net-peer received 40000 lost 0 reordered 0 wrong 0 "), vmm.Everything());
    }

    [Theory]
    [InlineData(64, "")]
    [InlineData(1500, "")]
    [InlineData(64, "mrg=0 event=0")]
    [InlineData(333, "queue=16")]
    public async Task What_the_host_sends_reaches_the_guest(int size, string options)
    {
        using VmmProcess vmm = Boot("net-frames", $"recv=40000 {options}", $"send=40000 size={size}", "--net", Tap);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains(" received 40000 lost 0 reordered 0 wrong 0 ") && serial.Contains(" acked 40000 "), vmm.Everything());
    }

    [Fact]
    public async Task Both_directions_go_at_once()
    {
        using VmmProcess vmm = Boot("net-frames", "recv=40000 send=40000 size=700", "send=40000 recv=40000 size=900", "--net", Tap);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("net-frames sent 40000 received 40000 lost 0 reordered 0 wrong 0 "), vmm.Everything());
        Assert.True(serial.Contains("net-peer received 40000 lost 0 reordered 0 wrong 0 sent 40000 acked 40000 "), vmm.Everything());
    }

    [Fact]
    public async Task More_frames_than_the_guest_can_take_come_in_order_and_unchanged()
    {
        using VmmProcess vmm = Boot("net-frames", "secs=1", "flood=1 size=200", "--net", Tap);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains(" reordered 0 wrong 0 ") && serial.Contains(" ok"), vmm.Everything());
        Assert.DoesNotContain(" received 0 ", serial.Split('\n').First(line => line.StartsWith("net-frames sent", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_tap_can_be_handed_over_as_a_descriptor()
    {
        using VmmProcess vmm = Boot("net-frames", "send=5000", "recv=5000 pass=1", "--net", "fd=[10]");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("net-peer received 5000 lost 0 "), vmm.Everything());
    }

    [Fact]
    public async Task Several_queues_of_a_tap_can_be_handed_over_and_one_pair_is_in_use()
    {
        using VmmProcess vmm = Boot(
            "net-frames", "send=5000 recv=5000", "recv=5000 send=5000 queues=2 pass=1", "--net", "fd=[10,11],num_queues=4", "--cpus", "boot=2");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("net-peer received 5000 lost 0 ") && serial.Contains(" acked 5000 "), vmm.Everything());
    }

    [Fact]
    public async Task Descriptors_come_over_the_api_socket_and_are_kept_for_the_next_boot()
    {
        // In place of plugvisor ($1) with a guest ($3): a VMM without a VM, and the remote that hands the tap's queues over.
        const string script = """
            folder=$(mktemp -d)
            trap 'rm -rf "$folder"' EXIT
            remote() { "${vmm%/*}/plugvisor-remote" --api-socket "$folder/api" "$@"; }
            vmm=$1
            "$vmm" --api-socket "$folder/api" 10>&- 11>&- &
            for try in $(seq 100); do [ ! -S "$folder/api" ] || break; sleep 0.05; done
            remote create <<TEXT || exit
            {"cpus": {"boot_vcpus": 2, "max_vcpus": 2}, "payload": {"kernel": "$3", "cmdline": "secs=600"},
             "serial": {"mode": "File", "file": "$folder/serial"}, "console": {"mode": "Off"}}
            TEXT
            remote add-net fd=[10,11],num_queues=4 || exit
            exec 10>&- 11>&-
            for life in 1 2; do
                remote boot || exit
                for try in $(seq 200); do ! grep -aq 'net-frames mac' "$folder/serial" || break; sleep 0.05; done
                grep -ao 'net-frames mac [^ ]*' "$folder/serial"
                sleep 0.2
                remote shutdown || exit
                : >"$folder/serial"
            done
            remote shutdown-vmm
            wait
            """;
        using VmmProcess vmm = VmmProcess.BootBy(
            [PeerPrograms.Of("net-peer"), "queues=2", "pass=1", "--", "bash", "-c", script, "bash"], "net-frames", "");

        string serial = await vmm.FinishAsync();

        string[] macs = [.. serial.Split('\n').Where(line => line.StartsWith("net-frames mac", StringComparison.Ordinal))];
        Assert.True(macs.Length == 2 && macs[0] == macs[1] && macs[0].Contains(" 2e:", StringComparison.Ordinal), vmm.Everything());
        Assert.True(serial.Contains(" tap_in 2 "), vmm.Everything());   // each life's first frame
        Assert.DoesNotContain("WARN", vmm.Log);
    }

    [Fact]
    public async Task A_rate_limit_holds()
    {
        // 500 at once and 500 a second, of 1500 frames and a few acknowledgements of theirs.
        using VmmProcess vmm = Boot("net-frames", "send=1500", "recv=1500", "--net", Tap + ",ops_size=500,ops_refill_time=1000");

        string serial = await vmm.FinishAsync();

        string line = serial.Split('\n').First(line => line.StartsWith("net-frames sent", StringComparison.Ordinal));
        int milliseconds = int.Parse(line.Split(" ms ")[1].Split(' ')[0]);
        Assert.True(milliseconds is > 1900 and < 20_000, vmm.Everything());
    }

    [Fact]
    public async Task Hostile_31_frames_and_commands_of_all_kinds_break_nothing()
    {
        using VmmProcess vmm = Boot("net-hostile", "", "recv=180 window=4", "--net", Tap);

        string serial = await vmm.FinishAsync();

        string[] cases = [.. serial.Split('\n').Where(line => line.StartsWith("case 31 ", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.True(cases.Length == 8 && cases.All(line => line.EndsWith(" ok", StringComparison.Ordinal)), vmm.Everything());
        Assert.InRange(vmm.Log.Split('\n').Count(line => line.Contains("dropped", StringComparison.Ordinal)), 1, 2);
    }

    [Fact]
    public async Task Hostile_31_a_tap_that_is_deleted_takes_the_guests_link_down_and_nothing_else()
    {
        using VmmProcess vmm = Boot("net-hostile", "link=1", "delete=20 window=4", "--net", Tap);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("case 31 link ok"), vmm.Everything());
        Assert.Single(vmm.Log.Split('\n'), line => line.Contains("t0 is gone", StringComparison.Ordinal));
    }
}
