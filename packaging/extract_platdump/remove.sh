#!/bin/sh
# Undoes install.sh: rtas_errd runs the extract_platdump of ppc64-diag again, which copies dumps and destroys them in
# firmware. The configuration file stays. ROOT as in install.sh. May be run again.

set -eu
unset CDPATH # with it, cd prints where it went
here=$(cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=paths.sh
. "$here/paths.sh"

undone=no
if command -v dpkg-divert > /dev/null && is_diverted; then
    expect_free "$target"
    rm -f -- "$ROOT$target"
    divert --remove "$target"
    undone=yes
fi
if [ -e "$ROOT$drop_in" ]; then
    expect_free "$libexec/extract_platdump"
    rm -f -- "$ROOT$drop_in" "$ROOT$libexec/extract_platdump"
    rmdir -- "$(dirname -- "$ROOT$drop_in")" "$ROOT$libexec" 2> /dev/null || :
    restart_rtas_errd
    undone=yes
fi

if [ "$undone" = yes ]; then
    echo 'rtas_errd runs the extract_platdump of ppc64-diag again'
else
    echo 'nothing to undo: install.sh has put nothing here'
fi
