# shellcheck shell=sh disable=SC2034
# What install.sh and remove.sh share.

ROOT=${ROOT:-}
target=/usr/sbin/extract_platdump
libexec=/usr/libexec/platdumpfs
drop_in=/etc/systemd/system/rtas_errd.service.d/platdumpfs.conf
config=/etc/platdumpfs/extract_platdump.conf

divert() {
    dpkg-divert --instdir "${ROOT:-/}" --admindir "$ROOT/var/lib/dpkg" --quiet --local --rename \
        --divert "$target.ppc64-diag" "$@"
}

# By us: others may have moved it to another place.
is_diverted() {
    [ "$(LC_ALL=C dpkg-divert --admindir "$ROOT/var/lib/dpkg" --list "$target")" = \
        "local diversion of $target to $target.ppc64-diag" ]
}

# Whether nothing is there, or the program of platdumpfs, of whatever version.
is_free() {
    [ ! -e "$ROOT$1" ] && [ ! -h "$ROOT$1" ] || grep -q '^# extract_platdump of platdumpfs' "$ROOT$1"
}

# Stops where another program is in the place of ours.
expect_free() {
    is_free "$1" && return
    echo "$ROOT$1 is not the program of platdumpfs, and stays as it is; nothing is changed" >&2
    exit 1
}

restart_rtas_errd() {
    [ -z "$ROOT" ] || return 0
    systemctl daemon-reload
    systemctl try-restart rtas_errd.service
}
