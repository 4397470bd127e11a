#!/bin/sh
# Undoes install.sh: rtas_errd runs the extract_platdump of ppc64-diag again, which copies dumps and destroys them in
# firmware. The configuration file stays. ROOT as in install.sh. May be run again.

set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=paths.sh
. "$here/paths.sh"

if command -v dpkg-divert > /dev/null && is_diverted; then
    rm -f -- "$ROOT$target"
    divert --remove "$target"
fi
if [ -e "$ROOT$drop_in_dir/platdumpfs.conf" ]; then
    rm -f -- "$ROOT$drop_in_dir/platdumpfs.conf" "$ROOT$libexec/extract_platdump"
    rmdir -- "$ROOT$drop_in_dir" "$ROOT$libexec" 2> /dev/null || :
    restart_rtas_errd
fi
echo 'rtas_errd runs the extract_platdump of ppc64-diag again'
