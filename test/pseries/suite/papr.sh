# shellcheck shell=bash
# The kernel's own device, through mounts a and c. Sourced by suite.sh.

papr() {
    local big=0000000200000001 begun holder page
    check 'the packed program mounts by the kernel transport' mounted a
    check '  as a type of its own' grep -q ' /mnt/a fuse.platdumpfs ' /proc/mounts
    check 'auto takes papr' log_says a 'source chosen source=papr'
    check 'ls lists what is known, without a firmware call' sh -c \
        "ls /mnt/a | wc -l | grep -qx $known && ! grep -q tag=$big $log"
    refused 'rm before anybody has read the dump' 'Device or resource busy' rm /mnt/a/0x$big
    check '  and firmware has heard nothing of it' kept $big

    begun=$(now)
    check 'cp of 64 MiB' cp /mnt/a/0x$big /tmp/big.a
    echo "# cp of 64 MiB through source papr: $(elapsed "$begun") ms"
    check '  gives what the hypervisor has' same $big /tmp/big.a
    check '  by one pass' test "$(calls $big)" = 16384
    check 'rm after that' rm /mnt/a/0x$big
    check '  makes firmware forget it' is_invalidated $big
    check '  with one call' test "$(calls $big)" = 16385
    refused '  and its name is gone' 'No such file' ls /mnt/a/0x$big
    rm -f /tmp/big.a

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

    page=$(python3 -c 'import os; print(os.sysconf("SC_PAGESIZE"))')
    # What the kernel reads ahead for whoever wants the first page: four pages, of large ones two.
    ahead=$((page == 4096 ? 4 * page : 2 * page))
    dump 0000000200000013 300000 "delay 9905 600 $ahead"
    check 'the first page of a cold dump' \
        sh -c "head -c $page /mnt/a/0x0000000200000013 | cmp -n $page - $dumps/0000000200000013"
    check '  costs as many calls as it needs' \
        test "$(grep -c "CALL tag=0000000200000013 .* status=1 " $log)" = $((ahead / 4096))
    relent 0000000200000013

    dump 0000000200000012 100000
    python3 /share/suite/hold.py 200000012 > /tmp/held &
    holder=$!
    within 60000 grep -q held /tmp/held
    refused 'a dump that another program holds' 'Device or resource busy' cat /mnt/a/0x0000000200000012
    check '  and the log says which program' log_says a "hold.py 200000012 \(pid $holder\)"
    kill $holder
    wait $holder 2> /dev/null
    check '  can be read once it lets go' within 60000 cmp $dumps/0000000200000012 /mnt/a/0x0000000200000012
    faults a 2
}

# Two daemons, one dump: firmware's busy word keeps the first one at it.
two_daemons() {
    local tag=0000000200000014 reader
    check 'a second daemon mounts the same source' mounted c
    dump $tag 100000 'delay 9905 600 40960'
    cat /mnt/c/0x$tag > /tmp/slow.c &
    reader=$!
    within 60000 grep -q "tag=$tag .* status=9905 " $log
    refused 'a dump that another mount of ours reads' 'Device or resource busy' cat /mnt/a/0x$tag
    # shellcheck disable=SC2154
    check '  and the log says which one' log_says a "platdumpfs mount .* \(pid $pid_c\)"
    check '  and nobody else gets it either' sh -c "python3 /share/suite/hold.py --try ${tag#0000000} | grep -qx EALREADY"
    relent $tag
    wait $reader
    check '  who came first reads all of it' same $tag /tmp/slow.c
    check '  and keeps an encrypted copy' sh -c "readlink /proc/$pid_c/fd/* | grep -q '^/var/cache/platdumpfs/.*(deleted)'"
    # It also keeps the handle, without which the kernel would not let it be removed.
    check '  and can remove it' rm /mnt/c/0x$tag
    check '  whereupon firmware is told' is_invalidated $tag
    refused '  and nobody has it any more' 'No such file\|Stale' cat /mnt/a/0x$tag
}

hundred() {
    # shellcheck disable=SC2154
    check '100 dumps read at once: few handles, and others get their work areas meanwhile' \
        python3 /share/suite/readers.py /mnt/a 100 $many $dumps "$pid_a"
    sed 's/^/# /' "/tmp/out.$BASHPID"
}
