# shellcheck shell=bash
# A tag comes back as another dump that nobody has read, while the mount knows the one before. Sourced by suite.sh.

# twin TAG: another dump as long as that one, which somebody else has taken away.
twin() {
    local size
    size=$(stat -c %s "$dumps/$1")
    mv "$dumps/$1" "/share/$1.taken"
    { printf 'twin %s ' "$1"; head -c $((size - 22)) /share/seed; } > "$dumps/$1.new"
    mv "$dumps/$1.new" "$dumps/$1"
}

# use_all_handles TAG PREFIX: reads dumps that nobody has read before, until the one that delivered TAG is closed: at most 32
# are open.
use_all_handles() {
    local other
    for other in $(seq 10 45); do
        dump "$2$other" 2000
        within 10000 cat "/mnt/a/0x$2$other" || return
    done
    python3 /share/suite/hold.py --try "${1#0000000}" | grep -qx OK
}

# is_another MOUNT TAG: a file of its own, which goes once it has been read.
is_another() {
    local from=/mnt/$1/0x$2
    check '  firmware has heard nothing of it' kept "$2"
    refused '  it is listed as a new file, which may not be removed unread' 'Device or resource busy' rm "$from"
    check '  and gives its own bytes' cmp "$dumps/$2" "$from"
    check '  then rm removes it' rm "$from"
    check '  whereupon firmware is told, once' \
        test "$(grep -cE "CALL tag=$2 .* invalidate(-before-complete)?$" $log)" = 1
    check '  and has forgotten it' is_invalidated "$2"
}

comes_back() {
    local mount tag from
    for mount in a b; do
        tag=000000020000008$mount
        from=/mnt/$mount/0x$tag
        dump "$tag" 100000
        check "$mount: all of a dump is delivered" cmp "$dumps/$tag" "$from"
        [ $mount = b ] || check '  and the handle that did so is closed' use_all_handles "$tag" 00000002000001
        twin "$tag"
        refused '  the tag comes back: rm says that it is another dump' 'Device or resource busy' rm "$from"
        check '  and so does the log' log_says $mount "another dump under this tag.*tag=0x$tag"
        is_another $mount "$tag"
    done
}

comes_back_while_open() {
    local mount tag from reader
    for mount in a b; do
        tag=000000020000009$mount
        from=/mnt/$mount/0x$tag
        dump "$tag" 100000
        check "$mount: all of a dump is delivered" cmp "$dumps/$tag" "$from"
        exec {reader}< "$from"
        check '  and its name removed while somebody has it open' rm "$from"
        [ $mount = b ] || check '  and the handle that delivered it is closed' use_all_handles "$tag" 00000002000002
        twin "$tag"
        exec {reader}<&-
        check '  the tag comes back: the last close removes nothing, and the log says so' \
            within 30000 log_says $mount "an unlinked dump is not removed: .*tag=0x$tag"
        is_another $mount "$tag"
    done
}
