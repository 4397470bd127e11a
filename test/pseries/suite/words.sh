# shellcheck shell=bash
# Words of the suite. Sourced by suite.sh.

dumps=/share/dumps
log=/share/rtas.log
app=/root/app

ok() { echo "ok $*"; }
fail() { echo "FAIL $*"; }
skip() { echo "skip $*"; }
# check NAME COMMAND...: the command has to succeed.
check() {
    # Each part that runs at the same time as others has a file of its own for what a command says.
    local name=$1 out=/tmp/out.$BASHPID
    shift
    if "$@" > "$out" 2>&1; then ok "$name"; else fail "$name"; sed 's/^/    /' "$out"; fi
}
# refused NAME TEXT COMMAND...: the command has to fail, saying TEXT.
refused() {
    local name=$1 text=$2 out=/tmp/out.$BASHPID
    shift 2
    if "$@" > "$out" 2>&1; then fail "$name: it succeeded"
    elif grep -q "$text" "$out"; then ok "$name"
    else fail "$name: expected \"$text\""; sed 's/^/    /' "$out"; fi
}
# together FUNCTION...: runs them at the same time, then shows what each one said.
together() {
    local part pids=()
    for part; do
        "$part" > "/tmp/said.$part" 2>&1 &
        pids+=($!)
    done
    wait "${pids[@]}"
    for part; do cat "/tmp/said.$part"; done
}
now() { date +%s%N; }
# elapsed NANOSECONDS: since then, in milliseconds.
elapsed() { echo $((($(now) - $1) / 1000000)); }
# within MS COMMAND...: true as soon as the command succeeds.
within() {
    local end=$(($(now) + $1 * 1000000))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$(now)" -lt $end ] || return 1
        sleep 0.1
    done
}
not() { ! "$@"; }
# alone COMMAND...: runs it while the other machines of this run wait (scripts/test-pseries.mjs).
alone() {
    echo 'turn wanted'
    told turn
    "$@"
    echo 'turn over'
    told go-on
}
# told NAME: waits for that file of the host. Seldom looked for: what looks takes time from whoever is alone.
# shellcheck disable=SC2010
told() { until ls /share | grep -qx "$1"; do sleep 2; done; }
# dump TAG SIZE [FAULT...]: gives the hypervisor a dump, TAG as 16 digits.
dump() {
    local tag=$1 size=$2
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@" > "$dumps/$tag.fault"
    { printf 'dump %s ' "$tag"; head -c $((size - 22)) /share/seed; } > "$dumps/$tag.new"
    mv "$dumps/$tag.new" "$dumps/$tag"
}
# relent TAG: no fault any more, from the next call on.
relent() { rm "$dumps/$1.fault"; }
# calls TAG: firmware calls about it so far.
calls() { grep -c "CALL tag=$1 " $log; }
# The directory is read: the guest may remember names that the host has changed.
# shellcheck disable=SC2010
is_there() { ls $dumps | grep -qx "$1"; }
is_invalidated() { is_there "$1.invalidated"; }
kept() { is_there "$1" && not is_invalidated "$1"; }
# shellcheck disable=SC2010
invalidated() { ls $dumps | grep -c '\.invalidated$'; }
# same TAG FILE: what the hypervisor has or had.
same() {
    local of=$dumps/$1
    is_there "$1" || of=$of.invalidated
    cmp "$of" "$2"
}
# listed NAME TAG: in the mount of that name.
# shellcheck disable=SC2010
listed() { ls "/mnt/$1" | grep -qx "0x$2"; }

# mount_with NAME OPTIONS...: starts a daemon for /mnt/NAME, its log in /root/NAME.log, its pid in pid_NAME.
mount_with() {
    local name=$1
    shift
    mkdir -p "/mnt/$name"
    node $app/bin/platdumpfs mount --transport kernel --log-format text "$@" "/mnt/$name" \
        > /dev/null 2> "/root/$name.log" &
    declare -g "pid_$name=$!"
}
mounted() {
    local name=$1
    local pid=pid_$name
    for _ in $(seq 1800); do
        mountpoint -q "/mnt/$name" && grep -q ' mounted ' "/root/$name.log" && return
        kill -0 "${!pid}" || break
        sleep 0.2
    done
    cat "/root/$name.log"
    return 1
}
# log_says NAME PATTERN: by now or soon.
log_says() { within 60000 grep -qE "$2" "/root/$1.log"; }
