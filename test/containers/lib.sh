# shellcheck shell=bash
# Containers of podman in a storage of their own.

dump=0x0000000200000001
sim=(--sim-dump 200000001:3MiB --sim-dump 300000001:100001)

need() { # need COMMAND PACKAGE...
    command -v "$1" > /dev/null && return
    shift
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } > "$work/apt" 2>&1 ||
        { cat "$work/apt"; exit 1; }
}

# No network, limits that any machine allows, and no cgroup manager but files: it also works inside a container.
configure_podman() {
    cat > "$work/containers.conf" << EOF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
EOF
    cat > "$work/storage.conf" << EOF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/runroot"
EOF
    export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
}

finish() {
    podman rm -af -t 0 > /dev/null 2>&1
    [ -z "${rootless:-}" ] || rootless_finish
    [ -z "${prefix:-}" ] || fleet_finish
    findmnt -rn -o TARGET | grep -F "$work" | tac | while read -r target; do umount -l "$target" 2> /dev/null; done
    [ -z "${daemon:-}" ] || kill -9 "$daemon" 2> /dev/null
    rm -rf --one-file-system "$work"
}

# on_host OPTIONS...: a daemon of this machine at $H/dumps. Sets `daemon`.
on_host() {
    mkdir -p "$H/dumps" 2> /dev/null # what a killed daemon has left is there
    RUNTIME_DIRECTORY=$work/run CACHE_DIRECTORY=$work/cache "$program" mount sim "$H/dumps" "${sim[@]}" "$@" > "$work/daemon.log" 2>&1 &
    daemon=$!
    within 30 mounted "$H/dumps"
}
mounted() { ls "$1/$dump" > /dev/null 2>&1; }
end_host() { # end_host SIGNAL
    kill "-$1" "$daemon"
    wait "$daemon" 2> /dev/null
    local status=$?
    daemon=
    return $status
}

# client NAME OPTIONS...: a container that does nothing, for `in_client`.
client() {
    local name=$1
    shift
    podman run -d --name "$name" --stop-signal KILL --read-only "$@" --entrypoint /bin/sleep "$image" 600
}
sum() { "$@" | cut -d ' ' -f 1; } # sum COMMAND...: the first word of what it prints
gone() { not podman container exists "$1"; }
status_of() { podman inspect "$1" --format '{{.State.ExitCode}}'; }
level() { # level WORD: of lockdown, in the file that stands for the kernel's
    case $1 in
        none) echo '[none] integrity confidentiality' ;;
        *) echo 'none integrity [confidentiality]' ;;
    esac > "$work/level"
}

# The dump, as a daemon of this machine shows it: what each copy has to be.
expected_sum() {
    mkdir -p "$work/here"
    RUNTIME_DIRECTORY=$work/run0 "$program" mount sim "$work/here" --daemon --lockdown=ignore --spool none "${sim[@]}" 2> /dev/null &&
        sum sha256sum "$work/here/$dump" && "$program" umount "$work/here"
}
