#!/bin/bash
# Runs in the emulated machine as root: the program as it is shipped, on the kernel's own driver.
# Prints "ok NAME", "FAIL NAME" or "skip REASON" for each check. Arguments: size of the slow dumps and of librtas' big one;
# parts, or nothing for all.
slow_bytes=$1
librtas_bytes=$2
shift 2
parts=" ${*:-all} "
here=/share/suite
for part in words faults papr librtas again beside-extract events lockdown; do
    # shellcheck source=/dev/null
    . "$here/$part.sh"
done

echo "# $(uname -r), pages of $(getconf PAGESIZE 2> /dev/null || node -p 0) bytes, node $(node --version)"
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /var/log /var/lock
touch /var/log/platform
tar xf /share/app.tar -C /root
# What is shipped has to do without any of these.
rm -f /usr/lib/*/libfuse* /usr/bin/fusermount*
check 'no compiler, no libfuse, no network here' \
    not sh -c 'command -v cc || command -v gcc || ls /usr/lib/*/libfuse* || ip route | grep .'

wants() { [[ $parts == *" all "* || $parts == *" $1 "* ]]; }
some() { local part; for part; do wants "$part" && return; done; return 1; }

# Three daemons: the device without a spool, librtas, the device with a spool.
many=0000000400000000
tags=$(for i in $(seq 0 99); do printf -- '--dump %x ' $((0x400000000 + i)); done)
known=113
slow_tags=$(for i in $(seq 1 9); do printf -- '--dump %x:%d ' $((0x300000100 + i)) "$slow_bytes"; done)
# shellcheck disable=SC2086
some papr two_daemons hundred again times events && mount_with a --source auto --spool none --events proc \
    --dump 200000001:$((64 << 20)) --dump 200000002 --dump 200000013:300000 --dump 200000033:100000 $tags $slow_tags
some librtas again lockdown && mount_with b --source librtas --events off \
    --dump "200000003:$librtas_bytes" --dump 200000004 --dump 300000033:100000
# shellcheck disable=SC2086
some two_daemons times events lockdown && mount_with c --source papr --spool auto --events auto \
    --dump 200000061 --dump 200000062 $tags $slow_tags

# The sources against the suite that every source passes, and the simulator's script of operations.
sources() {
    cd $app || return
    check 'the script of operations for the simulator runs on the driver' \
        node check/test/pseries/check/operations-real.js $dumps /share/operations.txt
    node check/test/pseries/check/contract.js $dumps
}
absent_source() {
    mkdir -p /mnt/d
    node $app/bin/platdumpfs mount --source opal /mnt/d > /tmp/opal 2>&1
    check 'an absent source ends with status 3' test $? = 3
    check '  and says what is missing' grep -q '/sys/firmware/opal/dump does not exist' /tmp/opal
}

stop_a() {
    local begun
    begun=$(now)
    kill "$pid_a"
    wait "$pid_a"
    check 'SIGTERM ends a daemon with status 0' test $? = 0
    check '  and its mount' not mountpoint -q /mnt/a
    echo "# ended after $(elapsed "$begun") ms"
}

dump 0000000200000061 100000
dump 0000000200000062 100000
at_once=()
for part in papr librtas sources absent_source; do wants $part && at_once+=("$part"); done
[ ${#at_once[@]} = 0 ] || together "${at_once[@]}"
if wants two_daemons; then two_daemons; fi
if wants hundred; then mounted a; hundred; fi
if wants again; then mounted a; mounted b; comes_back; comes_back_while_open; fi
if wants times; then mounted a; mounted c; same_bytes; alone times; fi
if wants events; then mounted a; mounted c; events_by_proc; fi
if some papr events; then stop_a; fi
if wants events; then events_by_rtas_errd; fi
if wants lockdown; then mounted b; mounted c; integrity; confidentiality; end; fi
check 'the kernel has not complained' not sh -c 'dmesg | grep -E "Oops|BUG:|WARNING:|blocked for more"'
for name in a b c; do
    [ -e "/root/$name.log" ] || continue
    echo "# log of $name:"
    sed 's/^/#   /' "/root/$name.log"
done
exit 0
