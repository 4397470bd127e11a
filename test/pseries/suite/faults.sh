# shellcheck shell=bash
# Everything that firmware can do wrong, each on a dump of its own. Sourced by suite.sh.

# heals NAME MOUNT TAG FILE: read at last, perhaps after an error or two; then it can be removed.
heals() {
    local name=$1 from=/mnt/$2/0x$3 tag=$3 copy=$4 try
    for try in 1 2 3 4; do
        cat "$from" > "$copy" 2> "$copy.err" && break
        [ "$try" -lt 4 ] || { fail "$name: $(cat "$copy.err")"; return; }
    done
    check "$name: read whole (attempt $try)" same "$tag" "$copy"
    removed "$name" "$2" "$tag"
}

# removed NAME MOUNT TAG: firmware forgets it. Through librtas it has to show the beginning once more before that: where it
# refuses, nobody knows which dump it would be.
removed() {
    local name=$1 from=/mnt/$2/0x$3 tag=$3
    if [ "$2" = b ] && grep -q no-restart "$dumps/$tag.fault" 2> /dev/null; then
        refused "$name: not removed unseen" 'Input/output error' rm "$from"
        check "$name: firmware was not told" not is_invalidated "$tag"
        return
    fi
    check "$name: removed" rm "$from"
    check "$name: firmware was told" is_invalidated "$tag"
}

# faults MOUNT TYPE: dumps of that type (one digit) through that mount.
faults() {
    local mount=$1 type=0000000$2 copy=/tmp/fault.$1 tag
    fault() { # NAME ID FAULT...
        local name="$mount: $1" tag=$type$2
        shift 2
        dump "$tag" 100000 "$@"
        heals "$name" "$mount" "$tag" "$copy"
    }
    fault 'busy' 00000031 'busy 3' 'busy 2 40960'
    fault 'extended delays' 00000032 'delay 9902 2' 'delay 9900 2 40960'
    fault 'hardware error once' 00000034 'eio-once-at 40960'
    fault 'odd lengths' 00000036 short
    fault 'the transfer is forgotten half-way' 00000037 'rewind-reset 40960'
    fault 'continue with no bytes' 00000038 'zero 3' 'zero 1 40960' 'zero 2 90000'
    fault 'the end comes with no bytes' 00000039 tail-zero
    fault 'a transfer cannot be begun twice' 0000003a no-restart
    fault 'an unknown status once' 0000003c 'status -3 1 40960'

    tag=${type}00000033
    dump "$tag" 100000 'eio-at 40960'
    refused "$mount: hardware error for ever" 'Input/output error' cat "/mnt/$mount/0x$tag"
    check '  what comes before it can be read' sh -c \
        "dd if=/mnt/$mount/0x$tag bs=4096 count=10 iflag=direct | cmp -n 40960 - $dumps/$tag"
    refused '  and it is not removed' 'Device or resource busy' rm "/mnt/$mount/0x$tag"
    check '  and firmware keeps it' kept "$tag"

    tag=${type}00000035
    dump "$tag" 100000 not-authorized
    refused "$mount: a dump that the platform delivers elsewhere" 'not permitted\|No such file' cat "/mnt/$mount/0x$tag"
    check '  is not listed' not listed "$mount" "$tag"

    tag=${type}0000003d
    dump "$tag" 100000 'status -9002 1 40960'
    refused "$mount: delivered elsewhere in the middle" 'not permitted' cat "/mnt/$mount/0x$tag"
    check '  not listed any more' not listed "$mount" "$tag"
    check '  and firmware keeps it' kept "$tag"

    tag=${type}0000003b
    dump "$tag" 100000 'invalidate -1 1'
    check "$mount: invalidation fails once: read" cp "/mnt/$mount/0x$tag" "$copy"
    refused '  rm reports it' 'Input/output error' rm "/mnt/$mount/0x$tag"
    check '  it stays listed' listed "$mount" "$tag"
    check '  and the next rm succeeds, after another pass where the kernel demands one' rm "/mnt/$mount/0x$tag"
    check '  and firmware was told' is_invalidated "$tag"
    rm -f "$copy"
}
