# shellcheck shell=sh disable=SC2034
# What install.sh and remove.sh share.

ROOT=${ROOT:-}
target=/usr/sbin/extract_platdump
libexec=/usr/libexec/platdumpfs
drop_in_dir=/etc/systemd/system/rtas_errd.service.d
config=/etc/platdumpfs/extract_platdump.conf

divert() {
    dpkg-divert --instdir "${ROOT:-/}" --admindir "$ROOT/var/lib/dpkg" --quiet --local --rename \
        --divert "$target.ppc64-diag" "$@"
}

is_diverted() {
    [ -n "$(dpkg-divert --admindir "$ROOT/var/lib/dpkg" --list "$target")" ]
}

restart_rtas_errd() {
    [ -z "$ROOT" ] || return 0
    systemctl daemon-reload
    systemctl try-restart rtas_errd.service
}
