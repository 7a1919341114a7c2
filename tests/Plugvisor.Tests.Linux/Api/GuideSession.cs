using System.Buffers.Binary;
using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Api;

/// <summary>
/// One session with a VMM that was given nothing but an API socket: the examples of Cloud Hypervisor's guide by curl, and between them a disk added and removed by
/// plugvisor-remote. The guest has a shell on the console hvc0, which is the VMM's standard input and output; what is typed there shows that it lives.
/// </summary>
public sealed class GuideSession : IAsyncLifetime
{
    internal const string Greeting = "put there by the host";

    // Where an image's only partition begins, and the type of a Linux one.
    private const int PartitionStart = 2048, SectorSize = 512;
    private const byte LinuxPartition = 0x83;

    private readonly string _folder = Directory.CreateTempSubdirectory("plugvisor-linux-").FullName;

    /// <summary>What the guest wrote to its console, with what was typed.</summary>
    internal string Console => Read("console");

    /// <summary>The VMM's log.</summary>
    internal string Log => Read("log");

    /// <summary>The events, as the monitor wrote them.</summary>
    internal string Events => Read("events");

    /// <summary>Everything, for the message of a failure.</summary>
    internal string Everything => string.Concat(Directory.EnumerateFiles(_folder).Order()
        .Where(path => Path.GetExtension(path) is not (".img" or ".raw")).Select(path => $"\n=== {Path.GetFileName(path)}\n{File.ReadAllText(path)}"));

    public async ValueTask InitializeAsync()
    {
        await Command.MustAsync(Repository.Engineering("guest/disk"), Path.Combine(_folder, "part.img"), "32M", Files());
        await Command.MustAsync(Repository.Engineering("guest/disk"), Path.Combine(_folder, "data.img"), "16M", Files());
        await PartitionAsync(Path.Combine(_folder, "part.img"), Path.Combine(_folder, "image.raw"));
        await LinuxHost.RunAsync(Script(), _folder, TimeSpan.FromSeconds(400));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>What a step of the session printed; nothing when the session did not come to it.</summary>
    internal string Read(string step)
    {
        string path = Path.Combine(_folder, step);
        return File.Exists(path) ? File.ReadAllText(path).Replace("\r\n", "\n", StringComparison.Ordinal) : "";
    }

    private string Files()
    {
        string folder = Path.Combine(_folder, "files");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "greeting"), Greeting + "\n");
        return folder;
    }

    /// <summary>Makes a disk with a partition table, as images of distributions are, of an image of its only partition.</summary>
    private static async Task PartitionAsync(string partition, string disk)
    {
        byte[] head = new byte[PartitionStart * SectorSize];
        head[0x1be + 4] = LinuxPartition;
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(0x1be + 8), PartitionStart);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(0x1be + 12), (uint)(new FileInfo(partition).Length / SectorSize));
        head[0x1fe] = 0x55;
        head[0x1ff] = 0xaa;
        await using FileStream to = File.Create(disk), from = File.OpenRead(partition);
        await to.WriteAsync(head);
        await from.CopyToAsync(to);
    }

    // In the test host the guide's own paths are made, because nothing of it stays. On a real machine theirs are in the session's folder.
    private static string Script() => $$"""
        cd "$(mktemp -d)"
        rm -f $RESULTS/missing
        program='{{Path.GetDirectoryName(Repository.Plugvisor)}}'
        here=''
        [ "$RESULTS" = /results ] || here=$PWD
        socket=$here/tmp/cloud-hypervisor.sock
        mkdir -p $here/tmp $here/opt/clh/{kernel,images}
        ln -s '{{Repository.Guest}}/vmlinux' $here{{GuideExamples.Kernel}}
        ln -s '{{Repository.Guest}}/initramfs.cpio' $here{{GuideExamples.Initramfs}}
        cp $RESULTS/image.raw $here{{GuideExamples.Image}}
        cp $RESULTS/data.img data.img

        # step NAME: runs the bash that comes in, with its output as a result.
        step() {
            sed "s|/tmp/cloud|$here/tmp/cloud|; s|\"/opt/clh|\"$here/opt/clh|g" >$1.sh
            bash $1.sh >$RESULTS/$1 2>$RESULTS/$1.errors
            echo $? >$RESULTS/$1.status
        }
        # until TEXT COUNT: waits until the guest's console has it so often.
        until_() {
            for try in $(seq 1500); do [ $(grep -o -- "$1" $RESULTS/console | wc -l) -lt $2 ] || return 0; sleep 0.1; done
            echo "the console never had '$1' $2 times" >>$RESULTS/missing
            kill -KILL $(pgrep -P $vmm)
        }
        remote() { $program/plugvisor-remote --api-socket $socket "${@:2}" >$RESULTS/$1 2>$RESULTS/$1.errors; echo $? >$RESULTS/$1.status; }

        mkfifo keyboard
        exec 4<>keyboard
        timeout -s KILL 330 $program/plugvisor --api-socket $socket --event-monitor path=$RESULTS/events <keyboard >$RESULTS/console 2>$RESULTS/log 4>&- &
        vmm=$!
        for try in $(seq 300); do [ ! -S $socket ] || break; sleep 0.1; done
        step create <<'GUIDE'
        {{GuideExamples.Create(Repository.GuestCommandLine.Replace("console=ttyS0 ", "", StringComparison.Ordinal))}}
        GUIDE
        step boot <<<"{{GuideExamples.Boot}}"
        until_ 'guest:/root# ' 1
        step info <<'GUIDE'
        {{GuideExamples.Info}}
        GUIDE
        echo 'echo cpus=$(nproc); cat /sys/class/misc/hw_random/rng_current; ip addr add 192.168.10.11/24 dev eth0; ip link set eth0 up' >&4
        echo 'echo mac=$(cat /sys/class/net/eth0/address); ping -c 1 192.168.10.10; echo ping=$?' >&4
        echo 'mount $(tr " " "\n" </proc/cmdline | sed -n s/^root=//p) /mnt; echo root=$(cat /mnt/greeting); umount /mnt; echo first=$((1+1))' >&4
        until_ first=2 1
        step reboot <<<"{{GuideExamples.Reboot}}"
        until_ 'Linux 6.* in Plugvisor' 2
        remote add add-disk path=$PWD/data.img,image_type=raw,id=data
        remote again info
        echo 'until [ -b /dev/vdb ]; do sleep 0.2; done; mount /dev/vdb /mnt; echo data=$(cat /mnt/greeting); umount /mnt; echo second=$((1+1))' >&4
        until_ second=2 1
        remote remove remove-device data
        echo 'while [ -b /dev/vdb ]; do sleep 0.2; done; echo third=$((1+1))' >&4
        until_ third=2 1
        for try in $(seq 100); do ! grep -q device-removed $RESULTS/events || break; sleep 0.1; done
        step shutdown <<<"{{GuideExamples.Shutdown}}"
        step after <<'GUIDE'
        {{GuideExamples.Info}}
        GUIDE
        step shutdown-vmm <<<"{{GuideExamples.ShutdownVmm}}"
        wait $vmm && status=0 || status=$?
        echo $status >$RESULTS/vmm.status
        [ ! -e $socket ] || echo "the socket is still there" >>$RESULTS/missing
        """;
}
