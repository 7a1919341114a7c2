# shellcheck shell=bash disable=SC2034 # used by the scripts that source this
# eng/testhost/settings.sh - the test host's machine, shared by the scripts beside it. Sourced, never run.
#
# Words: the host is this machine; L1, the test host, is a virtual machine in software emulation with AMD's virtualisation
# extension, running Debian's kernel with a real /dev/kvm; L2 is a guest that a VMM in L1 runs.

TESTHOST=$PV_CACHE/testhost
SNAPSHOT=$TESTHOST/snapshot
MEMORY=4G        # a sparse file: only what L1 touches costs anything

# One vCPU. With two, QEMU 7.2 can leave one of them spinning on a stale translation of code that the kernel has
# patched meanwhile (fixed in 8.1: "accel/tcg: Always lock pages before translation"). Two test hosts side by side use two cores.
CPUS=1

# max,+svm,+npt: a processor with virtualisation and nested paging. -la57: four-level page tables.
CPU=max,+svm,+npt,-la57

# Of these norandmaps matters: at unchanging addresses the emulator can use its translations again from one process to
# the next, which halves the start of a .NET program. The others save little and harm nothing here.
APPEND="console=ttyS0 quiet panic=-1 norandmaps nokaslr mitigations=off tsc=reliable no_timer_check init_on_alloc=0 \
apparmor=0 selinux=0 audit=0 nowatchdog preempt=none randomize_kstack_offset=off hardened_usercopy=off \
cgroup_disable=memory transparent_hugepage=always"

# dotnet_root: the directory of the .NET installation, nothing when there is none.
dotnet_root() {
    local program
    program=$(command -v dotnet) || return 0
    program=$(readlink -f "$program")
    if [ -d "${DOTNET_ROOT:-}/shared" ]; then
        echo "$DOTNET_ROOT"
    elif [ -d "${program%/*}/shared" ]; then
        echo "${program%/*}"
    else
        # A wrapper: only the program behind it knows.
        dotnet --list-runtimes | sed -n 's|^Microsoft.NETCore.App .* \[\(.*\)/shared/Microsoft.NETCore.App\]$|\1|p' | tail -n 1
    fi
}
DOTNET=$(dotnet_root)

# machine WORK RESULTS MODE [HVC0]: fills the array QEMU with the emulator's command line.
#   WORK     directory with the pipes ctl, mon and the fifos out, err; the kernel's log goes there too
#   RESULTS  directory that is writable in L1
#   MODE     boot; save (boots with memory in the snapshot's file); load (waits for a snapshot to come in)
#   HVC0     what L1's hvc0 is connected to: null (default) or stdio
# A snapshot fits only a machine with the very same devices, whatever is behind them.
machine() {
    local work=$1 results=$2 mode=$3 hvc0=${4:-null} share=off
    [ "$mode" != save ] || share=on
    [ "$hvc0" != stdio ] || hvc0=stdio,signal=off
    # multi: with thread=single a nested guest was seen to hang.
    QEMU=(qemu-system-x86_64 -name testhost -accel "tcg,thread=multi" -cpu "$CPU" -smp "$CPUS" -m "$MEMORY"
        -machine "q35,memory-backend=ram" -nographic -nodefaults -no-reboot)
    if [ "$mode" = boot ]; then
        QEMU+=(-object "memory-backend-ram,id=ram,size=$MEMORY")
    else
        # share=off maps the snapshot copy-on-write: a run reads only what it touches and changes nothing.
        QEMU+=(-object "memory-backend-file,id=ram,size=$MEMORY,mem-path=$SNAPSHOT/ram,share=$share")
    fi
    # shellcheck disable=SC2054 # the commas are the emulator's
    QEMU+=(
        -kernel "$PV_CACHE/kernel/vmlinux" -initrd "$TESTHOST/initramfs.cpio"
        -append "$APPEND pv.dotnet=$DOTNET pv.modules=$PV_CACHE/kernel/modules/lib/modules"
        -virtfs "local,id=root,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
        -virtfs "local,id=results,path=$results,mount_tag=results,security_model=none,multidevs=remap"
        -chardev "file,id=log,path=$work/kernel.log" -serial chardev:log
        -device virtio-serial-pci
        -chardev "$hvc0,id=hvc0" -device virtconsole,chardev=hvc0
        -chardev "pipe,id=ctl,path=$work/ctl" -device virtserialport,chardev=ctl,name=ctl
        # Ports rather than a terminal for a command's output: no line ends are changed and the two streams stay apart.
        -chardev "file,id=out,path=$work/out" -device virtserialport,chardev=out,name=out
        -chardev "file,id=err,path=$work/err" -device virtserialport,chardev=err,name=err
        -device virtio-rng-pci
        -chardev "pipe,id=mon,path=$work/mon" -mon chardev=mon,mode=readline
    )
    if [ "$mode" = load ]; then QEMU+=(-incoming defer); fi
}

# pipes WORK: makes the fifos that machine names. Opens 5 (to L1), 6 (from L1), 7 (to the monitor), 8 (from it), and 9 and 10,
# which keep the two output fifos open. Both ways each, so that no open waits for the other end.
pipes() {
    mkfifo "$1"/{ctl,mon}.{in,out} "$1"/{out,err}
    exec 5<>"$1/ctl.in" 6<>"$1/ctl.out" 7<>"$1/mon.in" 8<>"$1/mon.out" 9<>"$1/out" 10<>"$1/err"
}

# monitor COMMAND: gives the emulator a command and waits for its next prompt; the answer is left in ANSWER.
monitor() {
    local c
    ANSWER=
    printf '%s\n' "$1" >&7
    while IFS= read -r -t 20 -n 1 -d '' -u 8 c; do
        ANSWER+=$c
        [[ $ANSWER != *$'\n(qemu) ' ]] || return 0
    done
    return 1
}

# snapshot_key: names what a snapshot depends on.
snapshot_key() {
    {
        qemu-system-x86_64 --version | head -n 1
        machine WORK RESULTS save
        printf '%s\n' "${QEMU[@]}"
        cat "$PV_CACHE/kernel/version" "$TESTHOST/key"
        if [ -n "$DOTNET" ]; then find "$DOTNET/shared" -maxdepth 2 | sort; fi
    } | sha256sum | cut -d' ' -f1
}
