using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// A guest with a directory that virtiofsd serves, which starts after the VMM, is killed while the guest works and is started again; before that the plugin's code is
/// replaced under it. And with a second directory that comes and goes by REST.
/// </summary>
public sealed class DaemonFsGuest : BootRun
{
    internal const string Greeting = "put there by the host";

    internal Boot Boot { get; private set; } = null!;

    /// <summary>Everything, for the message of a failure.</summary>
    internal string Everything => Boot.Everything + string.Concat(Directory.EnumerateFiles(Folder, "*.txt").Order()
        .Select(path => $"\n=== {Path.GetFileName(path)}\n{File.ReadAllText(path)}"));

    protected override Task PrepareAsync()
    {
        Boot = Add(new Boot
        {
            Name = "daemon-fs",
            Options = "--cpus boot=1 --memory size=256M,shared=on --serial tty --console off --api-socket $PWD/api --fs tag=home,socket=$PWD/home.sock",
            Limit = 240,
            Script = """
                until_() { for t in $(seq 600); do eval "$1" 2>/dev/null && return; sleep 0.2; done; echo "never: $1"; }
                mount -t virtiofs home /mnt; echo mount=$?
                cat /mnt/say
                cp /mnt/script /tmp/s; . /tmp/s
                """,
            Beside = $$"""
                mkdir -p home/tree extra
                echo 'greeting={{Greeting}}' >home/say
                echo 'greeting=extra' >extra/say
                cat >home/script <<'GUEST'
                {{GuestScript}}
                GUEST
                {{HostScript}}
                """,
        });
        return Task.CompletedTask;
    }

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name + ".txt");
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    // Comes to the guest by the shared directory, as it is too long for a kernel's command line.
    private const string GuestScript = """
        sums() { (cd /mnt/tree && find . -type f | sort | xargs sha256sum | sha256sum | cut -c-64); }
        cd /mnt/tree
        for d in 1 2 3 4; do mkdir $d; for f in 1 2 3 4 5; do head -c $((f * 3000)) /dev/urandom >$d/$f; done; done
        mkdir 1/deep; mv 1/5 1/deep/moved; ln -s deep/moved 1/link; ln 2/1 2/hard; rm 3/1; chmod 640 3/2; : >4/empty
        dd if=/dev/urandom of=big bs=64k count=32 2>/dev/null
        truncate -s 1000000 big
        cd /; sync
        echo tree=$(sums)
        echo link=$(cat /mnt/tree/1/link | sha256sum | cut -c-64)
        umount /mnt; mount -t virtiofs home /mnt
        echo again=$(sums)

        echo ready=add
        mkdir /extra; until_ 'mount -t virtiofs extra /extra'
        cat /extra/say | sed s/greeting/extra/
        echo from the guest >/extra/answer
        umount /extra
        echo devices=$(ls /sys/bus/virtio/drivers/virtiofs | grep -c virtio)
        echo ready=remove
        until_ '[ $(ls /sys/bus/virtio/drivers/virtiofs | grep -c virtio) = 1 ]'
        echo left=$(ls /sys/bus/virtio/drivers/virtiofs | grep -c virtio)

        (while :; do echo line >>/mnt/log; done) 2>/tmp/errors & writer=$!
        until_ '[ -s /mnt/log ]'
        echo ready=reload
        until_ '[ -e /mnt/reloaded ]'
        lines=$(wc -l </mnt/log)
        until_ '[ $(wc -l </mnt/log) -gt $((lines + 5)) ]'
        echo reload=$(cat /tmp/errors)$(sums)
        echo ready=kill
        # The daemon that comes after knows nothing of this mount: an error, and no guest that hangs.
        until_ '! cat /mnt/say >/dev/null'
        echo lost=1
        kill $writer; wait $writer
        umount /mnt; echo umount=$?
        until_ 'mount -t virtiofs home /mnt'
        cat /mnt/say | sed s/greeting/after/
        echo after=$(sums) >/mnt/report; grep . /mnt/report | sed s/after/kept/
        echo more >/mnt/tree/more; sync
        """;

    private const string HostScript = """
        # daemon NAME: serves the directory NAME at NAME.sock until its front end or somebody else ends it; its id in $daemon.
        daemon() {
            local as=()
            [ $(id -u) = 0 ] || as=(unshare --user --map-root-user)
            if [ -x /usr/lib/qemu/virtiofsd ]; then
                "${as[@]}" /usr/lib/qemu/virtiofsd --socket-path=$PWD/$1.sock -o source=$PWD/$1 -o cache=none -o sandbox=chroot >>$RESULTS/$1.txt 2>&1 4>&- &
            else
                "${as[@]}" /usr/libexec/virtiofsd --socket-path=$PWD/$1.sock --shared-dir=$PWD/$1 --cache=never --sandbox=chroot >>$RESULTS/$1.txt 2>&1 4>&- &
            fi
            daemon=$!
        }
        said() { for try in $(seq 1000); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm 2>/dev/null || return 1; sleep 0.1; done; return 1; }
        call() { curl -s -m 60 --unix-socket $PWD/api -X PUT -H 'Content-Type: application/json' -d "$2" http://localhost/api/v1/$1; }

        for try in $(seq 100); do [ ! -S api ] || break; sleep 0.1; done
        daemon home
        echo $daemon >home.pid
        said ready=add
        (cd home/tree && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c-64) >$RESULTS/tree.txt
        sha256sum <home/tree/1/deep/moved | cut -c-64 >$RESULTS/link.txt
        stat -c '%n %a %h %F %s' home/tree/3/2 home/tree/2/hard home/tree/1/link home/tree/4/empty home/tree/big >$RESULTS/stat.txt
        daemon extra
        call vm.add-fs '{"id":"two","tag":"extra","socket":"'$PWD'/extra.sock"}' >$RESULTS/add.txt
        said ready=remove
        cp extra/answer $RESULTS/answer.txt
        call vm.remove-device '{"id":"two"}' >$RESULTS/remove.txt
        wait $daemon
        said ready=reload
        call vmm.reload-plugin '{"id":"virtio-fs"}' >$RESULTS/reload.txt
        touch home/reloaded
        said ready=kill
        kill -KILL $(cat home.pid)
        wait $(cat home.pid)
        daemon home
        said '@pv end'
        (cd home/tree && rm more && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c-64) >$RESULTS/kept.txt
        """;
}
