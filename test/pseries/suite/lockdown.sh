# shellcheck shell=bash
# The kernel's lockdown, raised for real. Sourced by suite.sh.
#
# On hardware everything is gone within a second. Emulated, what the daemon and the kernel do for each of more than a
# hundred known dumps takes some fifty times as long, and more on a busy host.
LOCKDOWN_LIMIT_MS=30000
level=/sys/kernel/security/lockdown

# held WHAT OUTCOME: what became of it, as open-file reports it.
held() {
    local line
    line=$(grep "^$1: " /tmp/held-open)
    check "  $1: $2" sh -c "echo '$line' | grep -qE '^$1: ($2) after'"
    line=${line##* after }
    check '    in time' test "${line% ms}" -le $LOCKDOWN_LIMIT_MS
}

integrity() {
    echo integrity > $level
    check 'integrity: the device goes on' cmp $dumps/0000000200000062 /mnt/c/0x0000000200000062
    refused 'integrity: librtas cannot read' 'Input/output error' cat /mnt/b/0x0000000200000004
    check '  and the log says why' log_says b 'lockdown forbids /dev/mem'
    refused '  nor remove what nobody has read' 'Device or resource busy' rm /mnt/b/0x0000000200000004
    check '  and firmware keeps it' kept 0000000200000004
}

confidentiality() {
    local slow before status
    dump 0000000200000063 100000 'delay 9905 600 4096'
    # A firmware that is busy: the kernel waits without looking up.
    cat /mnt/c/0x0000000200000063 > /dev/null 2> /tmp/slow &
    slow=$!
    within 60000 grep -q 'tag=0000000200000063 .* status=9905 ' $log
    check 'firmware busy for long: ls goes on' within 60000 ls -l /mnt/c/0x0000000200000062
    check '  and so do other dumps' cmp $dumps/0000000200000062 /mnt/c/0x0000000200000062

    before=$(invalidated)
    open-file /mnt/c/0x0000000200000061 $level confidentiality > /tmp/held-open 2>&1
    status=$?
    sed 's/^/# at confidentiality: /' /tmp/held-open
    check 'confidentiality: whoever has a dump open loses it' test $status = 0
    # Linux reads pages through iomap since 6.19, which makes EIO of every errno (fuse_read_folio returns 0 and leaves
    # the page empty). What the daemon answers is what a read without the page cache gets.
    held 'pread' 'EPERM|EIO'
    held 'direct pread' EPERM
    held 'shared mapping' SIGBUS
    held 'private mapping' SIGBUS
    held 'resident pages' empty
    held 'fstat' EPERM
    held 'fgetxattr' EPERM
    held 'stat' ENOENT
    held 'getxattr' ENOENT
    held 'open' ENOENT
    check '  the directory is empty' sh -c '[ -z "$(ls /mnt/c)" ]'
    check '  also by librtas' within $LOCKDOWN_LIMIT_MS sh -c '[ -z "$(ls /mnt/b)" ]'
    check '  df tells nothing' sh -c 'df -k --output=size,itotal /mnt/c | tail -n 1 | grep -qE "^ *(0|-) +(0|-)$"'
    check '  who waits for firmware is told' within $LOCKDOWN_LIMIT_MS not kill -0 $slow
    check '    with EPERM' grep -q 'not permitted' /tmp/slow
    check '  nothing was invalidated' test "$(invalidated)" = "$before"
}

# A thread of c is still inside the kernel.
end() {
    local begun before status
    before=$(invalidated)
    begun=$(now)
    # shellcheck disable=SC2154
    kill "$pid_b" "$pid_c"
    check 'SIGTERM unmounts although a thread is inside the kernel' within 60000 not mountpoint -q /mnt/c
    check '  and librtas too' within 60000 not mountpoint -q /mnt/b
    echo "# unmounted after $(elapsed "$begun") ms"
    check '  all are out of the mount table' not grep ' /mnt/[abc] ' /proc/mounts
    wait "$pid_b"
    check '  with status 0' test $? = 0
    relent 0000000200000063
    wait "$pid_c"
    status=$?
    echo "# the daemon with the busy firmware ended after $(elapsed "$begun") ms with status $status"
    check '  and nothing was invalidated' test "$(invalidated)" = "$before"
}
