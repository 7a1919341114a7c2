using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// Two guests with balloons: one whose balloon is blown up and let down by <c>vm.resize</c>, and which then needs more memory than it has left; and one that
/// reports its free pages. The host looks at the memory that the VMM's guest takes of it.
/// </summary>
public sealed class BalloonGuest : BootRun
{
    internal const long MiB = 1 << 20;

    internal Boot Sized { get; private set; } = null!;

    internal Boot Reporting { get; private set; } = null!;

    protected override async Task PrepareAsync()
    {
        await AddToInitramfsAsync(("sized", Encoding.UTF8.GetBytes(SizedScript)), ("reporting", Encoding.UTF8.GetBytes(ReportingScript)));
        Sized = Add(new Boot
        {
            Name = "sized",
            Initramfs = "$RESULTS/initramfs",
            Options = Common + "--balloon size=0,deflate_on_oom=on",
            Script = "sh /sized",
            Beside = Functions + """
                said touched=
                measure touched
                ask inflate PUT vm.resize '{"desired_balloon":201326592}'
                holds inflated 201326592
                measure inflated
                echo >&4
                said seen=
                ask deflate PUT vm.resize '{"desired_balloon":0}'
                holds deflated 0
                echo >&4
                said touched2=
                ask again PUT vm.resize '{"desired_balloon":201326592}'
                holds again 201326592
                echo >&4
                said survived=
                ask survived GET vm.info
                ask more PUT vm.resize '{"desired_balloon":314572801}'
                ask counters GET vm.counters
                echo >&4
                """,
        });
        Reporting = Add(new Boot
        {
            Name = "reporting",
            Initramfs = "$RESULTS/initramfs",
            Options = Common + "--balloon size=0,free_page_reporting=on",
            Script = "sh /reporting",
            Beside = Functions + """
                said touched=
                measure reporting-touched
                echo >&4
                said freed=
                # The guest reports some seconds after it has freed.
                for try in $(seq 300); do
                    measure reporting-freed
                    [ $(($(cat $RESULTS/reporting-touched) - $(cat $RESULTS/reporting-freed))) -lt 60000 ] || break
                    sleep 0.2
                done
                ask reporting-counters GET vm.counters
                echo >&4
                """,
        });
    }

    private const string Common = "--cpus boot=1 --memory size=300M,thp=off --serial tty --console off --api-socket $PWD/api ";

    private const string Functions = """
        ask() { curl -s --max-time 60 --unix-socket api -o "$RESULTS/$1" -w '%{http_code}' -X "$2" "http://localhost/api/v1/$3" ${4:+-d "$4"} >"$RESULTS/$1.status"; }
        said() { for try in $(seq 900); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm || return 1; sleep 0.1; done; return 1; }
        # What of the guest's memory is the host's, in KiB.
        measure() { awk '/^RssShmem:/ { print $2 }' /proc/$(pgrep -P $vmm)/status >$RESULTS/$1; }
        # Waits until the balloon holds so much.
        holds() {
            for try in $(seq 300); do
                ask $1-info GET vm.info
                [ "$(jq .memory_actual_size $RESULTS/$1-info)" != $((314572800 - $2)) ] || return 0
                kill -0 $vmm || return 1
                sleep 0.2
            done
        }

        """;

    // Files in memory are what takes memory here; a script of the shell has no other.
    private const string SizedScript = """
        wait_() { read -r line </dev/ttyS0; }
        free_() { sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo; }
        echo total1=$(free_)
        dd if=/dev/zero of=/tmp/a bs=1M count=80 2>/dev/null
        rm /tmp/a
        echo touched=1
        wait_
        echo total2=$(free_)
        echo seen=1
        wait_
        echo total3=$(free_)
        dd if=/dev/zero of=/tmp/a bs=1M count=80 2>/dev/null; echo dd1=$?
        rm /tmp/a
        echo touched2=1
        wait_
        mount -o remount,size=200M /tmp
        dd if=/dev/zero of=/tmp/a bs=1M count=100 2>/dev/null; echo dd2=$?
        echo killed=$(dmesg | grep -c 'Killed process')
        echo survived=1
        wait_
        """;

    private const string ReportingScript = """
        wait_() { read -r line </dev/ttyS0; }
        dd if=/dev/zero of=/tmp/a bs=1M count=80 2>/dev/null
        echo touched=1
        wait_
        rm /tmp/a
        echo freed=1
        wait_
        """;

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    /// <summary>A number that the host's side found.</summary>
    internal long Number(string name) => long.TryParse(Found(name), out long number) ? number : -1;

    /// <summary>A member of an answer.</summary>
    internal JsonElement Answer(string name) => JsonElement.Parse(Found(name));
}
