# shellcheck shell=bash
# Boots a machine with a real systemd in a container of systemd-nspawn, and counts what holds in it.

passed=0
failed=0

# ok WHAT COMMAND...: the command succeeds.
ok() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $what"
        passed=$((passed + 1))
    else
        echo "FAILED  $what"
        printf '%s\n' "$output" | sed 's/^/        /' | tail -n 30
        failed=$((failed + 1))
    fi
}

# within SECONDS COMMAND...: until the command succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { "$@"; return; }
        sleep 0.1
    done
}

# is EXPECTED COMMAND...: the command prints that, and nothing else.
is() {
    local expected=$1 actual
    shift
    actual=$("$@" 2>&1)
    [ "$actual" = "$expected" ] || { printf 'expected: %s\ngot:      %s\n' "$expected" "$actual"; return 1; }
}

# has PATTERN COMMAND...: a line of what the command prints matches.
has() {
    local pattern=$1 output
    shift
    output=$("$@" 2>&1)
    grep -Eq -- "$pattern" <<< "$output" || { printf 'expected a line like: %s\ngot: %s\n' "$pattern" "$output"; return 1; }
}

not() { ! "$@"; }

# boot ROOT: starts the machine, waits until systemd answers. Sets `leader`, the machine's process 1.
boot() {
    local root=$1
    # Own nodes: its tmpfiles would change those of this machine.
    mknod "$work/fuse" c 10 229
    mknod "$work/autofs" c 10 235
    script -qec "systemd-nspawn --quiet -D $root -b --register=no --keep-unit --private-network \
        --bind=$work/fuse:/dev/fuse --bind=$work/autofs:/dev/autofs --bind-ro=$work/packages:/packages" \
        "$work/console" < /dev/null > /dev/null 2>&1 &
    nspawn=$!
    leader=
    local end=$((SECONDS + 60))
    until [ -n "$leader" ] && inside systemctl is-system-running 2> /dev/null | grep -Eq 'running|degraded'; do
        [ "$SECONDS" -lt "$end" ] || { echo 'the machine does not boot:'; tail -n 30 "$work/console"; return 1; }
        sleep 0.2
        leader=$(pgrep -P "$(pgrep -f "^systemd-nspawn --quiet -D $root" | head -n 1)" 2> /dev/null | head -n 1)
    done
}

# inside COMMAND...: runs it in the machine.
inside() {
    nsenter -t "$leader" -m -u -i -p -n -C -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb "$@"
}

# script LINES: runs shell lines in the machine.
script_inside() { inside bash -c "$1"; }

halt() {
    [ -n "${leader:-}" ] && inside systemctl poweroff 2> /dev/null
    local end=$((SECONDS + 40))
    while kill -0 "$nspawn" 2> /dev/null && [ "$SECONDS" -lt "$end" ]; do sleep 0.2; done
    kill -9 "$leader" 2> /dev/null
    wait "$nspawn" 2> /dev/null
}
