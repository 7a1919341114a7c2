# shellcheck shell=bash
# eng/lib.sh - what the scripts of this repository share. Sourced, never run.
#
# Sets PV_ROOT (this repository) and PV_CACHE (where everything that is built for tests is kept; set PLUGVISOR_CACHE
# to have it elsewhere). Progress goes to standard error, so that a script's standard output is its result alone.

# shellcheck disable=SC2034 # used by the scripts that source this
PV_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PV_CACHE=${PLUGVISOR_CACHE:-/var/tmp/plugvisor}
# The time that progress lines count from; a script that calls another hands its own on.
export PV_STARTED=${PV_STARTED:-$EPOCHSECONDS}

# The SDK would want ICU for the cultures of its messages, which a fresh Debian does not have.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# step TEXT: one progress line, with the seconds since the outermost script began.
step() { printf '[%4ds] %s\n' $((EPOCHSECONDS - PV_STARTED)) "$*" >&2; }

# die TEXT [STATUS]: says what failed and ends the script (status 1 when none is given).
die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit "${2:-1}"
}

# usage: the header comment of the running script, as help.
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"; }

# have COMMAND...: whether all of them can be run.
have() {
    local c
    for c in "$@"; do command -v "$c" >/dev/null 2>&1 || return 1; done
}

# One builder at a time for each thing in the cache; later ones find the work done.
# with_lock NAME COMMAND...
with_lock() {
    local name=$1 fd
    shift
    mkdir -p "$PV_CACHE"
    exec {fd}>"$PV_CACHE/.$name.lock"
    flock "$fd"
    "$@" {fd}>&-
    exec {fd}>&-
}
