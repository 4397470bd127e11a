# shellcheck shell=bash
# Times beside extract_platdump and beside a bare loop, in one boot, with firmware at 1 ms a call. Sourced by suite.sh.
#
# Only what mostly waits for firmware can be compared here: Node is some fifty times slower than on hardware. The host
# may be busy with other things, so each is measured again, in turn, until it is good.

same_bytes() {
    check 'extract_platdump saves a dump' extract_platdump 0x0000000200000005
    check '  and we its twin' cp /mnt/a/0x0000000200000002 /tmp/twin
    check '  with the same bytes' sh -c 'cmp /var/log/dump/* /tmp/twin'
    rm -rf /var/log/dump /tmp/twin
}

# timed NAME COMMAND...: the time in ms of a command that reads the next slow dump, in took; the best one in best_NAME.
timed() {
    local name=$1 begun out=/tmp/out.$BASHPID
    local best=best_$name
    shift
    slow=$((slow + 1))
    begun=$(now)
    "$@" "$(printf '%016x' $((0x300000100 + slow)))" > "$out" 2>&1 || { fail "$name"; sed 's/^/    /' "$out"; }
    took=$(elapsed "$begun")
    rm -rf /tmp/slow /var/log/dump
    [ "${!best:-$took}" -lt "$took" ] || declare -g "$best=$took"
}
# ticks PID: "THREAD TICKS" for each thread, its processor time so far in 10 ms.
ticks() {
    cat /proc/"$1"/task/*/stat | sed 's/^\([0-9]*\) (\(.*\)) \(.*\)$/\2:\1|\3/' |
        awk -F'|' '{ gsub(/ /, "_", $1); split($2, field, " "); print $1, field[12] + field[13] }' | sort
}
# worked BEFORE AFTER: what the busiest threads did in between.
worked() {
    join "$1" "$2" | awk '{ print ($3 - $2) * 10, $1 }' | sort -rn | head -n 6 |
        awk '{ sub(/:.*/, "", $2); printf "%s%s %d ms", separator, $2, $1; separator = ", " }'
}
extract() { extract_platdump "0x$1"; }
loop() { papr-probe rate "$1"; }
through_a() { cp "/mnt/a/0x$1" /tmp/slow; }
through_c() { cp "/mnt/c/0x$1" /tmp/slow; }
# most PERCENT A B: A takes at most PERCENT of B.
most() { [ $(($2 * 100)) -le $(($3 * $1)) ]; }

# good: by the best times so far.
# shellcheck disable=SC2154
good() {
    most 115 "$best_plain" "$best_extract" && most 115 "$best_spool" "$best_extract" &&
        most 200 "$best_plain" "$best_loop" && most 200 "$best_spool" "$best_loop"
}
# calm: the loop that ran last waited for firmware rather than for the host. On an idle host it takes 1.19 times as long.
calm() { most 135 "$took" "$firmware"; }

# shellcheck disable=SC2154
times() {
    local round took firmware=$((slow_bytes / 4096))
    slow=0
    for round in 1 2 3 4; do
        timed loop loop
        calm || break
        # Librtas maps memory for each call, which takes long here: it is measured once.
        [ "$round" != 1 ] || timed extract extract
        timed plain through_a
        ticks "$pid_c" > /tmp/ticks.before
        timed spool through_c
        ticks "$pid_c" > /tmp/ticks.after
        timed loop loop
        echo "# $((slow_bytes >> 20)) MiB, $firmware calls of 1 ms, best of $round: a loop in C on the device $best_loop ms," \
            "extract_platdump $best_extract ms, cp without spool $best_plain ms, with spool $best_spool ms"
        echo "# threads of the daemon with the spool: $(worked /tmp/ticks.before /tmp/ticks.after)"
        calm && good && break
    done
    if ! calm; then
        skip "times: the host is too slow or too busy, a loop in C took $took ms for $firmware ms of firmware"
        return
    fi
    check 'cp takes at most 1.15 times as long as extract_platdump' most 115 "$best_plain" "$best_extract"
    check '  also with the spool' most 115 "$best_spool" "$best_extract"
    # A daemon that keeps firmware busy: what is missing to 1 is the start of a thread and JavaScript, at a fiftieth of
    # their speed (docs/performance.md).
    check 'cp takes at most twice as long as a bare loop in C' most 200 "$best_plain" "$best_loop"
    check '  also with the spool' most 200 "$best_spool" "$best_loop"
}
