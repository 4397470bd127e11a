# shellcheck shell=bash
# Events that firmware delivers through event-scan. Sourced by suite.sh.
#
# Linux asks firmware once a second here, and we look twice a second at what it got: 2 s on hardware. Emulated,
# everything that runs takes some fifty times as long, and more on a busy host: the figure is printed, and only what
# no such delay explains is a failure.
EVENT_LIMIT_MS=60000
EVENT_BYTES=300000

# announced MOUNT TAG NAME LIMIT: hands the event over that is held back, and waits for the file.
announced() {
    local begun
    begun=$(now)
    mv "$dumps/$2.event-held" "$dumps/$2.event"
    check "$3: the file appears in ls" within "$4" listed "$1" "$2"
    echo "# $3: listed after $(elapsed "$begun") ms"
    check '  with its announced size' sh -c "stat -c %s /mnt/$1/0x$2 | grep -qx $EVENT_BYTES"
}

events_by_proc() {
    check 'events of firmware itself are read when told to' log_says a 'from=/proc/powerpc/rtas/error_log'
    announced a 0000000200000071 '--events proc' $EVENT_LIMIT_MS
    check '  and can be read' cmp $dumps/0000000200000071 /mnt/a/0x0000000200000071
}

# Nobody else reads events by now: a single consumer gets them.
events_by_rtas_errd() {
    local tag=0000000200000072 errd
    check "the log of rtas_errd is followed where it exists" log_says c 'from=/var/log/platform'
    mkdir -p /var/lib/servicelog /var/lib/dpkg
    touch /var/lib/dpkg/status /var/lib/dpkg/diversions
    check 'our extract_platdump takes the place of that of ppc64-diag' sh $app/packaging/extract_platdump/install.sh
    check '  which is kept' test -x /usr/sbin/extract_platdump.ppc64-diag
    echo 'MOUNTPOINT=/mnt/c' >> /etc/platdumpfs/extract_platdump.conf
    rtas_errd -d > /tmp/errd 2>&1 &
    errd=$!
    check 'rtas_errd starts' within 60000 sh -c "readlink /proc/$errd/fd/* | grep -qx /proc/powerpc/rtas/error_log"
    # It runs two programs for the event, and writes its log after that.
    announced c $tag 'rtas_errd' $((EVENT_LIMIT_MS * 2))
    check '  rtas_errd has handled the event' within 60000 grep -q "Dump Location.*0x$tag" /var/log/platform
    check '  and the dump is still there' kept $tag
    check '  and can be read' cmp $dumps/$tag /mnt/c/0x$tag
    kill $errd
    wait $errd 2> /dev/null
    check 'our extract_platdump goes again' sh $app/packaging/extract_platdump/remove.sh
    check '  and that of ppc64-diag is back' not test -e /usr/sbin/extract_platdump.ppc64-diag
}
