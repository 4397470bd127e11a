#!/bin/bash
# Runs in the emulated machine as root: the program as it is shipped, on the kernel's own driver.
# Prints "ok NAME" or "FAIL NAME" for each check. Arguments: full or short.
mode=${1:-full}
dumps=/share/dumps
log=/share/rtas.log
app=/root/app
failed=0

# --- words of this script ---

ok() { echo "ok $*"; }
fail() {
    echo "FAIL $*"
    failed=1
}
# check NAME COMMAND...: the command has to succeed.
check() {
    local name=$1
    shift
    if "$@" > /tmp/out 2>&1; then ok "$name"; else fail "$name"; sed 's/^/    /' /tmp/out; fi
}
# refused NAME TEXT COMMAND...: the command has to fail, saying TEXT.
refused() {
    local name=$1 text=$2
    shift 2
    if "$@" > /tmp/out 2>&1; then fail "$name: it succeeded"
    elif grep -q "$text" /tmp/out; then ok "$name"
    else fail "$name: expected \"$text\""; sed 's/^/    /' /tmp/out; fi
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
        sleep 0.2
    done
}
not() { ! "$@"; }
# dump TAG SIZE [FAULT...]: gives the hypervisor a dump, TAG as 16 digits.
dump() {
    local tag=$1 size=$2
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@" > "$dumps/$tag.fault"
    { printf 'dump %s ' "$tag"; head -c $((size - 22)) /share/seed; } > "$dumps/$tag.new"
    mv "$dumps/$tag.new" "$dumps/$tag"
}
# calls TAG: firmware calls about it so far.
calls() { grep -c "CALL tag=$1 " $log; }
is_there() { ls $dumps | grep -qx "$1"; }
is_invalidated() { ls $dumps | grep -qx "$1.invalidated"; }
kept() { is_there "$1" && not is_invalidated "$1"; }
# same TAG FILE: what the hypervisor has or had.
same() {
    local of=$dumps/$1
    is_there "$1" || of=$of.invalidated
    cmp "$of" "$2"
}
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
    for _ in $(seq 900); do
        mountpoint -q "/mnt/$name" && grep -q ' mounted ' "/root/$name.log" && return
        kill -0 "${!pid}" || break
        sleep 0.2
    done
    cat "/root/$name.log"
    return 1
}
# log_says NAME PATTERN
log_says() { grep -qE "$2" "/root/$1.log"; }

# --- the machine ---

echo "# $(uname -r), pages of $(getconf PAGESIZE 2> /dev/null || node -p 0) bytes, node $(node --version)"
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /var/log /var/lock
tar xf /share/app.tar -C /root
# What is shipped has to do without any of these.
rm -f /usr/lib/*/libfuse* /usr/bin/fusermount*
check 'no compiler, no libfuse, no network here' \
    not sh -c 'command -v cc || command -v gcc || ls /usr/lib/*/libfuse* || ip route | grep .'

many=0000000400000000
tags=$(for i in $(seq 0 99); do printf -- '--dump %x ' $((0x400000000 + i)); done)
# With the spool on one page size and without it on the other.
if [ "$mode" = full ]; then spool=none; else spool=auto; fi
# shellcheck disable=SC2086
mount_with a --source auto --spool $spool --dump 200000001:$((64 << 20)) --dump 200000002 --dump 200000033:100000 $tags
mount_with b --source librtas --dump 200000003:$((64 << 20)) --dump 200000004

# --- sources, against the suite that every source passes; the simulator, against the driver ---

cd $app || exit 1
node check/test/pseries/check/contract.js $dumps $mode || failed=1
check 'the script of operations for the simulator runs on the driver' \
    node check/test/pseries/check/operations-real.js $dumps /share/operations.txt
cd /root || exit 1

# --- papr ---

check 'the packed program mounts by the kernel transport' mounted a
check '  as a type of its own' grep -q ' /mnt/a fuse.platdumpfs ' /proc/mounts
check 'auto takes papr' log_says a 'source chosen source=papr'
check 'ls lists what is known, without a firmware call' sh -c \
    "ls /mnt/a | wc -l | grep -qx 103 && ! grep -q tag=0000000200000001 $log"
refused 'rm before anybody has read the dump' 'Device or resource busy' rm /mnt/a/0x0000000200000001
check '  and firmware has heard nothing of it' kept 0000000200000001

begun=$(now)
check 'cp of 64 MiB' cp /mnt/a/0x0000000200000001 /tmp/big
echo "# cp of 64 MiB through source papr: $(elapsed "$begun") ms"
check '  gives what the hypervisor has' same 0000000200000001 /tmp/big
check '  by one pass' test "$(calls 0000000200000001)" = 16384
check 'rm after that' rm /mnt/a/0x0000000200000001
check '  makes firmware forget it' is_invalidated 0000000200000001
check '  with one call' test "$(calls 0000000200000001)" = 16385
refused '  and its name is gone' 'No such file' ls /mnt/a/0x0000000200000001
rm /tmp/big

dump 0000000200000010 300000
check 'a dump that nobody announced is found by its name, and rsync copies it' \
    rsync -a /mnt/a/0x0000000200000010 /tmp/
check '  whole' same 0000000200000010 /tmp/0x0000000200000010
dump 0000000200000011 300000
check 'mv takes a dump out of firmware' mv /mnt/a/0x0000000200000011 /tmp/moved
check '  whole' same 0000000200000011 /tmp/moved
check '  and invalidates it' is_invalidated 0000000200000011
refused 'a tag that firmware does not know' 'No such file' stat /mnt/a/0x00000002000000ee
dump 00000002deadbeef 5000
check 'a tag with its high bit set' cp /mnt/a/0x00000002deadbeef /tmp/high
check '  whole' same 00000002deadbeef /tmp/high

dump 0000000200000012 100000
python3 /share/suite/hold.py 200000012 > /tmp/held &
holder=$!
within 20000 grep -q held /tmp/held
refused 'a dump that another program holds' 'Device or resource busy' cat /mnt/a/0x0000000200000012
check '  and the log says which program' log_says a "python.*\(pid $holder\)"
kill $holder
wait $holder 2> /dev/null
check '  can be read once it lets go' within 10000 cmp $dumps/0000000200000012 /mnt/a/0x0000000200000012
dump 0000000200000013 1000000
head -c 5000 /mnt/a/0x0000000200000013 > /tmp/head &
wait $!
check 'while the mount reads a dump nobody else gets it' \
    sh -c 'python3 /share/suite/hold.py --try 200000013 | grep -qx EALREADY'

# --- everything that firmware can do wrong, each on a dump of its own ---

# heals NAME TAG: read at last, perhaps after an error or two; then it can be removed.
heals() {
    local tag=$2 try
    for try in 1 2 3 4; do
        cat "/mnt/$mnt/0x$tag" > /tmp/f 2> /tmp/err && break
        [ "$try" -lt 4 ] || { fail "$1: $(cat /tmp/err)"; return; }
    done
    check "$1: read whole (attempt $try)" same "$tag" /tmp/f
    check "$1: removed" rm "/mnt/$mnt/0x$tag"
    check "$1: firmware was told" is_invalidated "$tag"
}
fault() { # NAME TAG FAULT...
    local name=$1 tag=$2
    shift 2
    dump "$tag" 100000 "$@"
    heals "$name" "$tag"
}
faults() {
    fault 'busy' "0000000${1}00000031" 'busy 3' 'busy 2 40960'
    fault 'extended delays' "0000000${1}00000032" 'delay 9902 2'
    fault 'hardware error once' "0000000${1}00000034" 'eio-once-at 40960'
    fault 'odd lengths' "0000000${1}00000036" short
    fault 'the transfer is forgotten half-way' "0000000${1}00000037" 'rewind-reset 40960'
    fault 'continue with no bytes' "0000000${1}00000038" 'zero 3' 'zero 1 40960' 'zero 2 90000'
    fault 'the end comes with no bytes' "0000000${1}00000039" tail-zero
    fault 'a transfer cannot be begun twice' "0000000${1}0000003a" no-restart
    fault 'an unknown status once' "0000000${1}0000003c" 'status -3 1 40960'
}
mnt=a
faults 2
dump 0000000200000033 100000 'eio-at 40960'
refused 'hardware error for ever' 'Input/output error' cat /mnt/a/0x0000000200000033
check '  what comes before it can be read' sh -c \
    "dd if=/mnt/a/0x0000000200000033 bs=4096 count=10 iflag=direct | cmp -n 40960 - $dumps/0000000200000033"
refused '  and it is not removed' 'Device or resource busy' rm /mnt/a/0x0000000200000033
check '  and firmware keeps it' kept 0000000200000033
dump 0000000200000035 100000 not-authorized
refused 'a dump that the platform delivers elsewhere' 'not permitted\|No such file' cat /mnt/a/0x0000000200000035
check '  is not listed' not sh -c 'ls /mnt/a | grep 0x0000000200000035'
dump 000000020000003d 100000 'status -9002 1 40960'
refused 'delivered elsewhere in the middle' 'not permitted' cat /mnt/a/0x000000020000003d
check '  not listed any more' not sh -c 'ls /mnt/a | grep 0x000000020000003d'
check '  and firmware keeps it' kept 000000020000003d
dump 000000020000003b 100000 'invalidate -1 1'
check 'invalidation fails once: read' cp /mnt/a/0x000000020000003b /tmp/f
refused '  rm reports it' 'Input/output error' rm /mnt/a/0x000000020000003b
check '  it stays listed' sh -c 'ls /mnt/a | grep -q 0x000000020000003b'
check '  and the next rm reads it once more and succeeds' rm /mnt/a/0x000000020000003b
check '  and firmware was told' is_invalidated 000000020000003b

# --- 100 dumps at once ---

check '100 dumps read at once, few handles, others can work' \
    python3 /share/suite/readers.py /mnt/a 100 $many $dumps "$pid_a"
echo "# $(tail -n 1 /tmp/out)"

# --- the tool that everybody has ---

check 'librtas mounts too' mounted b
check 'extract_platdump saves a dump' extract_platdump 0x0000000200000005
check '  and we its twin' cp /mnt/a/0x0000000200000002 /tmp/twin
check '  with the same bytes' sh -c 'cmp /var/log/dump/* /tmp/twin'
rm -rf /var/log/dump /tmp/twin

# Firmware is slowed to 1 ms for each call. Each dump gets a thread of its own, whose start takes seconds on this
# machine: hence dumps that last longer. Measured once more if it fails, the host may be busy with other things.
# timed COMMAND...: reads the next such dump; its time in ms is in $took.
timed() {
    local begun
    next=$((next + 1))
    begun=$(now)
    "$@" "0000000300000${next}00" > /tmp/out 2>&1 || cat /tmp/out
    took=$(elapsed "$begun")
}
extract() { extract_platdump "0x$1"; }
probe() { papr-probe read "$1" /tmp/p; }
ours() { cp "/mnt/a/0x$1" /tmp/p; }
less() { if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi; }
next=0
timed probe; least=$took
timed extract; theirs=$took
timed ours; best=$took
if [ $((best * 100)) -gt $((theirs * 115)) ] && [ $spool = none ]; then
    timed extract; theirs=$(less "$theirs" "$took")
    timed ours; best=$(less "$best" "$took")
fi
echo "# 32 MiB, 1 ms for each call: extract_platdump $theirs ms, a C program on the device $least ms," \
    "cp through the mount $best ms (spool: $spool)"
# What the spool encrypts, an emulated processor encrypts in software: that time says nothing.
if [ $spool = none ]; then
    check 'cp takes at most 1.15 times as long as extract_platdump' test $((best * 100)) -le $((theirs * 115))
fi
rm -rf /tmp/p /var/log/dump

# --- librtas ---

begun=$(now)
check 'librtas: cp of 64 MiB' cp /mnt/b/0x0000000200000003 /tmp/big
echo "# cp of 64 MiB through source librtas: $(elapsed "$begun") ms"
check '  gives what the hypervisor has' same 0000000200000003 /tmp/big
check '  by one pass' test "$(calls 0000000200000003)" = 16384
check '  rm makes firmware forget it' rm /mnt/b/0x0000000200000003
check '  and only then' is_invalidated 0000000200000003
rm /tmp/big
mnt=b
if [ "$mode" = full ]; then faults 3; fi
fault 'librtas begins anew behind our back' 0000000300000041 'busy 1 40960' forget-next

# --- lockdown, for real ---

dump 0000000200000061 100000
dump 0000000200000062 100000
dump 0000000200000063 100000 'delay 9905 40 4096'
cp /mnt/a/0x0000000200000061 /tmp/l
exec 8< /mnt/a/0x0000000200000061
# Pages that the kernel has are dropped by messages to it, one for each dump: soon, not in the same instant.
python3 -c 'import os,time
f=os.open("/mnt/a/0x0000000200000061",os.O_RDONLY)
while not os.path.exists("/tmp/go"): time.sleep(0.1)
begun=time.time()
while time.time() < begun + 20:
    try: os.pread(f,100,0)
    except OSError as e:
        # A kernel that reads pages by iomap (seen on 7.2) makes EIO of every error of a page that was cached before.
        print(f"{e.strerror} after {time.time() - begun:.1f} s")
        break
    time.sleep(0.05)
else: print("readable for 20 s")' > /tmp/reader 2>&1 &
reader=$!
echo integrity > /sys/kernel/security/lockdown
check 'integrity: the device goes on' cmp $dumps/0000000200000062 /mnt/a/0x0000000200000062
refused 'integrity: librtas cannot read' 'Input/output error' cat /mnt/b/0x0000000200000004
check '  and the log says why' log_says b 'lockdown forbids /dev/mem'
refused '  nor remove what nobody has read' 'Device or resource busy' rm /mnt/b/0x0000000200000004
check '  and firmware keeps it' kept 0000000200000004

# A firmware that is busy for 40 s: the kernel waits without looking up.
cat /mnt/a/0x0000000200000063 > /dev/null 2> /tmp/slow &
slow=$!
check 'firmware busy for long: ls goes on' within 5000 ls -l /mnt/a/0x0000000200000062
check '  and so do other dumps' cmp $dumps/0000000200000062 /mnt/a/0x0000000200000062

invalidated=$(ls $dumps | grep -c invalidated)
echo confidentiality > /sys/kernel/security/lockdown
check 'confidentiality: the directory is empty' within 5000 sh -c '[ -z "$(ls /mnt/a)" ]'
check '  also by librtas' within 5000 sh -c '[ -z "$(ls /mnt/b)" ]'
refused '  names do not exist' 'No such file' stat /mnt/a/0x0000000200000062
touch /tmp/go
wait $reader
check '  open files fail, what the kernel had cached too' \
    sh -c 'cat /tmp/reader; grep -q "not permitted\|Input/output" /tmp/reader'
echo "# an open file, all of it cached: $(cat /tmp/reader)"
check '  who waits for firmware is told at once' within 5000 not kill -0 $slow
check '    with EPERM' grep -q 'not permitted' /tmp/slow
check '  nothing was invalidated' test "$(ls $dumps | grep -c invalidated)" = "$invalidated"
exec 8<&-

# --- the end ---

begun=$(now)
kill "$pid_a" "$pid_b"
check 'SIGTERM unmounts although a thread is inside the kernel' within 15000 not mountpoint -q /mnt/a
check '  and librtas at once' within 15000 not mountpoint -q /mnt/b
echo "# unmounted after $(elapsed "$begun") ms"
check '  both are out of the mount table' not grep ' /mnt/[ab] ' /proc/mounts
wait "$pid_b"
check '  with status 0' test $? = 0
wait "$pid_a"
status=$?
echo "# the daemon with the busy firmware ended after $(elapsed "$begun") ms with status $status"
check '  and nothing was invalidated' test "$(ls $dumps | grep -c invalidated)" = "$invalidated"
if [ "$mode" = full ]; then
    node $app/bin/platdumpfs mount --source opal /mnt/c > /tmp/opal 2>&1
    check 'an absent source ends with status 3' test $? = 3
    check '  and says what is missing' grep -q '/sys/firmware/opal/dump does not exist' /tmp/opal
fi
check 'the kernel has not complained' not sh -c 'dmesg | grep -E "Oops|BUG:|WARNING:|blocked for more"'
for name in a b; do echo "# log of $name:"; sed 's/^/#   /' "/root/$name.log"; done
exit $failed
