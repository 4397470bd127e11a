# shellcheck shell=bash
# The unit of systemd: what the generator of podman 4.4 and later makes of it.

quadlet=/usr/libexec/podman/quadlet
units=$work/quadlet
mkdir -p "$units"
# Debian 12 has podman 4.3: the generator comes from the next Debian, and nothing else of it.
later_podman() {
    mkdir -p "$work/apt-sources" "$work/apt-lists/partial" || return
    sed '/^$/,$d; s/^Suites:.*/Suites: trixie/' /etc/apt/sources.list.d/debian.sources > "$work/apt-sources/trixie.sources" || return
    local options=(-qq -o "Dir::Etc::SourceParts=$work/apt-sources" -o Dir::Etc::SourceList=/dev/null -o "Dir::State::Lists=$work/apt-lists" -o "Dir::Cache=$work")
    apt-get "${options[@]}" update && (cd "$work" && apt-get "${options[@]}" download podman) && dpkg-deb -x "$work"/podman_*.deb "$work/podman"
}
[ -x "$quadlet" ] || { later_podman > "$work/log" 2>&1 && quadlet=$work/podman$quadlet; }

cp "$project/packaging/container/platdumpfs.container" "$units"
# What podman run is told in the recipe of docs/containers.md, as one line.
recipe=$(sed -n '/^# podman run -d --name platdumpfs/,/IMAGE mount/p' "$project/docs/containers.md" | tr -d '\n\\')
generate() { QUADLET_UNIT_DIRS=$units "$quadlet" -dryrun 2>&1; }
if [ ! -x "$quadlet" ]; then
    echo "skipped: no podman with quadlet is to be had here: $(tail -n 1 "$work/log")"
else
    unit=$(generate)
    ok 'quadlet: each key is known' has '^ExecStart=/usr/bin/podman run ' echo "$unit"
    start=$(grep -m 1 '^ExecStart=' <<< "$unit")
    # Devices, binds, capabilities, and what the daemon is told: no more and no less.
    what() { grep -oEi -- '--(device|cap-add|cap-drop) [^ ]+|-v [^ ]+|--read-only|--network none| mount /.*' <<< "$1" | sed 's/cap_sys_admin/SYS_ADMIN/' | sort; }
    ok 'quadlet: it runs what the recipe runs' is "$(what "$recipe")" what "$start"
    # Podman 4.4 takes the sign for a part of the name.
    ok 'quadlet: no device is optional' not grep -q '^AddDevice=-' "$units/platdumpfs.container"
    sed -i 's/^ReadOnly=/ReadOnlyRoot=/' "$units/platdumpfs.container"
    ok 'quadlet: an unknown key is found' has "unsupported key 'ReadOnlyRoot'" generate
fi
