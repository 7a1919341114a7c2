using Plugvisor.Tests.Linux.Hosting;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>
/// A guest with a directory of the host that plugvisor serves itself, one that is read-only, one for extended attributes, and one that comes and goes while it runs. The guest's script is
/// in the first, as it is longer than a kernel command line; the third is in the folder of results, because temporary file systems may have no attributes of users.
/// </summary>
public sealed class SharedDirectoryGuest : BootRun
{
    private const string GuestScript = """
        cd /mnt
        echo seen=$(cat hello)
        echo type=$(awk '$2 == "/mnt" { print $3 }' /proc/mounts)

        # A tree, sums of both sides, names that move.
        mkdir -p tree/deep/er
        for i in 1 2 3; do dd if=/dev/urandom of=tree/deep/file$i bs=100k count=$i 2>/dev/null; done
        dd if=/dev/urandom of=tree/odd bs=4093 count=33 2>/dev/null
        mv tree/deep/file1 tree/deep/er/renamed
        ln tree/odd tree/linked
        ln -s ../hello tree/within
        (cd tree && find . -type f | sort | xargs sha256sum) >guest.sums
        sha256sum -c host.sums >/dev/null && echo hostsums=same
        echo within=$(cat tree/within)

        # Where a link leads is the guest's, and never the host's.
        cat outside 2>/dev/null && echo followed=1 || echo followed=0
        link=$(readlink outside); mkdir -p ${link%/*}; echo guests >$link
        echo outside=$(cat outside)

        mkdir untarred; tar -xf host.tar -C untarred && echo untar=0
        (cd untarred && find . -type f | sort | xargs sha256sum) | sha256sum >untarred.sum
        cp -a untarred copied && diff -r untarred copied && echo copied=0
        rm -rf copied; [ -e copied ] || echo removed=1

        : >modes; chown 1234:567 modes; chmod 4751 modes; touch -d '2001-02-03 04:05:06' modes
        echo modes=$(stat -c '%a %u %g %Y' modes)
        truncate -s 1234567 sparse; echo sparse=$(stat -c %s sparse)
        mkfifo pipe; echo fifo=$(stat -c %F pipe)
        mknod node c 1 3 2>/dev/null && echo node=made || echo node=refused
        echo added >>hello; echo appended=$(tail -n 1 hello)
        exec 3<>gone; rm gone; echo still >&3; echo unlinked=$(stat -L -c '%s %h' /proc/self/fd/3); exec 3>&-
        sync && echo sync=0
        cat none 2>&1 | grep -q 'No such file' && echo nothing=1

        mkdir /ro && mount -t virtiofs frozen /ro
        echo frozen=$(cat /ro/file)
        for change in 'rm /ro/file' 'mkdir /ro/d' 'mv /ro/file /ro/other' 'chmod 777 /ro/file' 'ln /ro/file /ro/l' 'cp /mnt/hello /ro/new' 'truncate -s 1 /ro/file'; do
            $change 2>&1 | grep -q 'Read-only file system' || echo changed="$change"
        done
        echo tried=1

        # The program is not in the guest's own tree, so it is also one that is started from a shared directory.
        mkdir /attr && mount -t virtiofs attr /attr
        a() { /mnt/attribute "$@"; }
        echo attrhost=$(a get /attr/file user.host)
        echo attrset=$(a set /attr/file user.guest 'from the guest' && a set /attr user.directory 1 && a get /attr user.directory)
        echo attrlist=$(a list /attr/file | sort)
        echo attrother=$(for name in security.other trusted.other; do a set /attr/file $name x; a get /attr/file $name; a remove /attr/file $name; done)
        echo attrremoved=$(a remove /attr/file user.host; a get /attr/file user.host)
        echo attrfrozen=$(a set /ro/file user.x x)

        # One that comes and goes, after all have got other code.
        exec 4<hello 5<>still
        rm still; echo -n before >&5
        # A directory that is open halfway through: its names do not fit into a pipe.
        long=$(printf %0200d 0); mkdir many; for i in $(seq 600); do : >many/$long$i; done
        mkfifo /tmp/walk; find many -type f >/tmp/walk & exec 6</tmp/walk
        read -r first <&6
        echo hot=want
        mkdir -p /hot
        for try in $(seq 300); do mount -t virtiofs hot /hot 2>/dev/null && break; sleep 0.2; done
        echo hotfile=$(cat /hot/file)
        echo answer >/hot/answer
        umount /hot
        echo hot=unwant
        for try in $(seq 300); do [ $(ls -d /sys/bus/virtio/drivers/virtiofs/virtio* | wc -l) = 3 ] && break; sleep 0.2; done
        echo left=$(ls -d /sys/bus/virtio/drivers/virtiofs/virtio* | wc -l)
        cat /mnt/hello >/dev/null && echo alive=1
        echo open=$(cat <&4)
        echo -n ' after' >&5; echo still=$(cat /proc/self/fd/5)
        walked=$(sort -u <&6 | wc -l); [ $walked = 599 ] && echo walked=all || echo walked=$walked
        echo stillfrozen=$(cat /ro/file)
        """;

    internal Boot Boot { get; private set; } = null!;

    protected override async Task PrepareAsync()
    {
        string peers = Path.Combine(Repository.Root, "artifacts", "peers");
        await Command.MustAsync("make", "-s", "-C", Path.Combine(Repository.Root, "tests", "peers"), $"OUT={peers}");
        File.Copy(Path.Combine(peers, "attribute"), Path.Combine(Folder, "attribute"));
        await File.WriteAllTextAsync(Path.Combine(Folder, "guest.sh"), GuestScript.ReplaceLineEndings("\n") + "\n");
        Boot = Add(new Boot
        {
            Name = "shared",
            Limit = 400,
            Options = "--cpus boot=2 --memory size=256M --serial tty --console off --api-socket api.sock "
                + "--fs tag=test,shared_dir=$SHARED,num_queues=2 tag=frozen,shared_dir=$FROZEN,readonly=on tag=attr,shared_dir=$RESULTS/attributes",
            Script = "mount -t virtiofs test /mnt && sh /mnt/guest.sh",
            Before = """
                base=$PWD; SHARED=$base/shared FROZEN=$base/frozen HOT=$base/hot
                mkdir $SHARED $FROZEN $HOT outside source
                echo from the host >$SHARED/hello
                head -c 300000 /dev/urandom >$SHARED/random
                (cd $SHARED && sha256sum hello random >host.sums)
                echo hosts >outside/secret; ln -s $base/outside/secret $SHARED/outside
                for d in 1 2 3; do mkdir -p source/dir$d/sub; for f in 1 2 3 4 5; do head -c $((d * f * 300)) /dev/urandom >source/dir$d/sub/f$f; done; done
                tar -cf $SHARED/host.tar -C source .
                cp $RESULTS/guest.sh $RESULTS/attribute $SHARED/
                mkdir $RESULTS/attributes; : >$RESULTS/attributes/file
                $RESULTS/attribute set $RESULTS/attributes/file user.host 'from the host' >$RESULTS/attribute.refused || true
                echo do not touch >$FROZEN/file
                echo plugged >$HOT/file
                """,
            Beside = """
                wait_for() { for try in $(seq 1200); do ! grep -q "^$1" "$OUT" || return 0; kill -0 $vmm || return 1; sleep 0.1; done; return 1; }
                call() { curl -s --unix-socket api.sock -X PUT http://x/api/v1/$1 -d "$2" -w ' %{http_code}'; }
                wait_for hot=want && call vmm.reload-plugin '{"id":"virtio-fs"}' >$RESULTS/replaced
                call vm.add-fs '{"id":"hot0","tag":"hot","shared_dir":"'$HOT'","cache":"none"}' >$RESULTS/added
                wait_for hot=unwant && call vm.remove-device '{"id":"hot0"}' >$RESULTS/removed
                wait $vmm || true
                (cd $SHARED/tree && sha256sum -c ../guest.sums) >$RESULTS/sums 2>&1; echo $? >$RESULTS/sums.status
                $RESULTS/attribute get $RESULTS/attributes/file user.guest >$RESULTS/attribute.value || true
                $RESULTS/attribute list $RESULTS/attributes/file | sort >$RESULTS/attribute.names || true
                cp $HOT/answer $SHARED/untarred.sum $RESULTS/ || true
                stat -c '%a %u %g %Y' $SHARED/modes >$RESULTS/modes
                cat outside/secret >$RESULTS/secret
                (cd $FROZEN && stat -c '%n %a %s' *) >$RESULTS/frozen
                (cd source && find . -type f | sort | xargs sha256sum) | sha256sum >$RESULTS/source.sum
                """,
        });
    }

    /// <summary>What the host's side found.</summary>
    internal string Found(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }
}
