# shellcheck shell=bash
# The image for ppc64le, the processor emulated by qemu-user: real FUSE mount.

emulated() {
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || return 1
    [ -e /proc/sys/fs/binfmt_misc/qemu-ppc64le ] || update-binfmts --enable qemu-ppc64le
}
expected=${expected:-$(expected_sum)}
if ! emulated > "$work/log" 2>&1; then
    echo "skipped: programs for ppc64le do not run here: $(tail -n 1 "$work/log")"
else
    (cd "$project" && npm run --silent image -- --arch ppc64 --tag "$image-ppc64le") > "$work/build" 2>&1
    ok 'ppc64le: the image is made' has 'made .* for ppc64le' cat "$work/build"
    mkdir -p "$work/run-ppc" "$H/dumps"
    serve() { # serve NAME OPTIONS...
        podman run -d --name "$1" --arch ppc64le --device /dev/fuse --cap-add SYS_ADMIN --cap-add SYS_PTRACE --pid host \
            -v "$H:/host:rshared" -v "$work/run-ppc:/run/platdumpfs" --tmpfs /var/cache/platdumpfs \
            "$image-ppc64le" mount sim /host/dumps -o ro --lockdown=ignore "${sim[@]}" "${@:2}" > "$work/log" 2>&1 || cat "$work/log"
    }
    serve ppc
    serves() { is "$expected" sum sha256sum "$H/dumps/$dump"; }
    ok 'ppc64le: a dump is served, the same as on this machine' within 120 serves
    ok 'ppc64le: it is that processor' is ppc64 podman exec ppc node -p process.arch
    serve ppc2 --takeover
    ended() { is exited podman inspect ppc --format '{{.State.Status}}'; }
    ok 'ppc64le: it ends when another one takes the mount over' within 120 ended
    ok 'ppc64le: that is no failure' is 0 status_of ppc
    ok 'ppc64le: the other one serves the same' serves
    ok 'ppc64le: it stops' podman stop -t 20 ppc2
    ok 'ppc64le: a stop is no failure' is 0 status_of ppc2
    podman rm -f -t 0 ppc ppc2 > /dev/null
fi
