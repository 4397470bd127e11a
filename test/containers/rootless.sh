# shellcheck shell=bash
# A user without any rights: reads a mount of the host, and serves one in a container of his own.

expected=${expected:-$(expected_sum)}
level none
rootless=platdumpfs-test
useradd --create-home --home-dir "$work/home" "$rootless" 2> "$work/log" || cat "$work/log"
id=$(id -u "$rootless")
mkdir -p "$work/xdg" && chown "$rootless" "$work/xdg" && chmod 0700 "$work/xdg"
cp "$CONTAINERS_CONF" "$work/rootless.conf" && chmod 0644 "$work/rootless.conf"
as_user() {
    setpriv --reuid "$id" --regid "$(id -g "$rootless")" --init-groups --reset-env env HOME="$work/home" PATH="$PATH" XDG_RUNTIME_DIR="$work/xdg" \
        CONTAINERS_CONF="$work/rootless.conf" STORAGE_DRIVER=overlay sh -c 'cd && exec "$@"' - "$@"
}
rootless_finish() {
    as_user podman rm -af -t 0 > /dev/null 2>&1
    # What lives on in the user's namespace, the process that holds it above all.
    pkill -9 -u "$id"
    userdel "$rootless" 2> /dev/null
    umount -l "$work/home/.local/share/containers/storage/overlay" 2> /dev/null
    rootless=
}
podman save -q "$image" -o "$work/image.tar" && chmod 0644 "$work/image.tar"
if ! as_user podman load -q -i "$work/image.tar" > "$work/log" 2>&1; then
    echo "skipped: podman does not run for a user here: $(tail -n 1 "$work/log")"
else
    on_host -o ro --allow-other --umask 0222 --lockdown-file "$work/level"
    as_user podman run -d --name reader --read-only --stop-signal KILL -v "$H:/host:ro,rslave" --entrypoint /bin/sleep "$image" 600 > "$work/log" 2>&1 || cat "$work/log"
    in_reader() { as_user podman exec "$@"; }
    reads() { is "$expected" sum in_reader "$@" sha256sum "/host/dumps/$dump"; }
    ok 'rootless: a user reads a mount of the host' reads reader
    ok 'rootless: so does another user of the container' reads --user 1000:1000 reader
    ok 'rootless: rm does not work' not in_reader reader rm -f "/host/dumps/$dump"
    end_host KILL
    ok 'rootless: after kill -9 readers get an error' has 'not connected' in_reader reader ls /host/dumps
    on_host -o ro --allow-other --umask 0222 --lockdown-file "$work/level"
    ok 'rootless: the next start heals it' within 10 reads reader
    level confidentiality
    ok 'rootless: lockdown hides the dumps' within 5 is '' in_reader reader ls /host/dumps
    level none
    as_user podman rm -f -t 0 reader > /dev/null 2>&1
    end_host TERM

    # Where everybody may open /dev/fuse, which is what distributions do. Nobody outside sees such a mount.
    mknod -m 0666 "$work/fuse" c 10 229
    mkdir -p "$work/copies" && chown "$rootless" "$work/copies"
    serve() {
        as_user podman run -d --name daemon --device "$work/fuse:/dev/fuse" --cap-add SYS_ADMIN -v "$work/copies:/copies" \
            -v "$work/level:/level:ro" "$image" mount sim /dumps -o ro --lockdown-file /level "${sim[@]}"
    }
    serve > "$work/log" 2>&1 || cat "$work/log"
    saves() { has 'saved as|was saved before' in_reader daemon platdumpfs save 200000001 /copies; }
    ok 'rootless: a container of a user serves dumps to itself' within 30 saves
    ok 'rootless: the copy is the dump' is "$expected" sum sha256sum "$work/copies/"*
    # Other mounts of this machine are others'.
    outside() { findmnt -rn -t fuse.platdumpfs -o TARGET | grep -F "$work"; }
    ok 'rootless: nobody outside sees the mount' is '' outside
    ok 'rootless: rm does not work there' not in_reader daemon rm -f "/dumps/$dump"
    ok 'rootless: it restarts' as_user podman restart -t 10 daemon
    ok 'rootless: it serves again' within 30 saves
    level confidentiality
    ok 'rootless: lockdown hides the dumps there' within 5 is '' in_reader daemon ls /dumps
    level none
    ok 'rootless: it stops' as_user podman stop -t 10 daemon
    ok 'rootless: a stop is no failure' is 0 as_user podman inspect daemon --format '{{.State.ExitCode}}'
fi
rootless_finish
