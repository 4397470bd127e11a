# shellcheck shell=bash
# The first quarter hour of somebody who has the package and the README: docs/first-dump.md, by typing what it shows. On a
# new machine, without the tools of these tests.
#
# `test/system/run --write` puts what the machine said into the document; without that, another answer is a failure.
# Times are all the same there, and what apt says of its own work is left out.

transcript=$project/docs/first-dump.md

# typed COMMAND: what a terminal of the machine shows, but for what differs from one run to the next.
typed() {
    printf '# %s\n' "$1"
    script_inside "cd /root; $1" 2>&1 < /dev/null |
        sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?/2026-11-28 05:00/g' \
            -e 's/[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}/Nov 28 05:00/' \
            -e '/^(debconf:|WARNING: apt|\(Reading database|Get:|Reading |Building |  (Download|Space|Freed))/Id' |
        cat -s
}

# answers FILE: the document with each console block as the machine has it.
answers() {
    local line inside_block=
    while IFS= read -r line; do
        case $inside_block$line in
            '```console') inside_block=yes; printf '%s\n' "$line" ;;
            'yes```') inside_block=; printf '%s\n' "$line" ;;
            'yes# '*) typed "${line#\# }" ;;
            yes*) ;;
            *) printf '%s\n' "$line" ;;
        esac
    done < "$1"
}

cp "$(deb_of amd64)" "$work/amd64/root/"
# As node_exporter brings it.
script_inside 'mkdir -p /var/lib/prometheus/node-exporter'
answers "$transcript" > "$work/first-dump.md"
[ -z "$write" ] || cp "$work/first-dump.md" "$transcript"
ok 'docs/first-dump.md shows what a new user sees' diff "$transcript" "$work/first-dump.md"
ok 'the first quarter hour leaves nothing' is '' inside findmnt -n -t fuse.platdumpfs
