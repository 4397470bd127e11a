#!/bin/sh
# Puts the extract_platdump of platdumpfs in the place of that of ppc64-diag, so that rtas_errd destroys no dump.
#
#   install.sh [divert|bind]
#
# divert  Debian, Ubuntu: dpkg moves the original aside, also in later updates of its package
# bind    others with systemd: rtas_errd.service, and only that, sees our program under the original's path
#
# Without an argument: divert where dpkg-divert is, else bind. ROOT=/some/where installs below a directory.
# May be run again. remove.sh undoes it.

set -eu
unset CDPATH # with it, cd prints where it went
here=$(cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=paths.sh
. "$here/paths.sh"

method=${1:-auto}
if [ "$method" = auto ]; then
    if command -v dpkg-divert > /dev/null; then method=divert; else method=bind; fi
fi

case $method in
    divert)
        ! is_diverted || expect_free "$target"
        divert --add "$target"
        install -D -m 0755 -- "$here/extract_platdump" "$ROOT$target"
        ;;
    bind)
        expect_free "$libexec/extract_platdump"
        install -D -m 0755 -- "$here/extract_platdump" "$ROOT$libexec/extract_platdump"
        install -d -m 0755 -- "$(dirname -- "$ROOT$drop_in")"
        cat > "$ROOT$drop_in" << END
# Written by platdumpfs: rtas_errd hands dumps to the mount instead of destroying them.
[Service]
BindReadOnlyPaths=$libexec/extract_platdump:$target
END
        restart_rtas_errd
        ;;
    *)
        echo "Usage: $0 [divert|bind]" >&2
        exit 2
        ;;
esac

[ -e "$ROOT$config" ] || install -D -m 0644 -- "$here/extract_platdump.conf" "$ROOT$config"
echo "rtas_errd now hands dumps to platdumpfs ($method); settings: $config"
