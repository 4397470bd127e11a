# shellcheck shell=bash
# Somebody mounts on the host and hands the descriptor to a container that has no rights at all.

expected=${expected:-$(expected_sum)}
level none
mkdir -p "$H/handed"
# hand_over COMMAND...: runs it with a mounted FUSE device as descriptor 3, read-only.
hand_over() {
    (
        exec 3<> /dev/fuse
        mount -i -t fuse.platdumpfs -o ro,nosuid,nodev,fd=3,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other none "$H/handed"
        exec "$@"
    )
}
start() {
    hand_over podman run -d --name handed --preserve-fds 1 --user 1000:1000 --cap-drop all --security-opt no-new-privileges --read-only \
        -v "$work/level:/level:ro" "$image" mount sim /dev/fd/3 --umask 0222 --lockdown-file /level "${sim[@]}"
}
serves() { is "$expected" sum sha256sum "$H/handed/$dump"; }
start > "$work/log" || cat "$work/log"
client reader -v "$H:/host:ro,rslave" > "$work/log" || cat "$work/log"
reads() { is "$expected" sum podman exec "$@" sha256sum "/host/handed/$dump"; }

ok 'handed over: the host reads a dump' within 30 serves
ok 'handed over: a container reads it' reads reader
ok 'handed over: another user reads it' reads --user 2000:2000 reader
ok 'handed over: rm does not work' has 'Read-only file system' rm -f "$H/handed/$dump"
level confidentiality
ok 'handed over: lockdown hides the dumps' within 5 is '' ls "$H/handed"
level none

ok 'handed over: it stops' podman stop -t 10 handed
ok 'handed over: a stop is no failure' is 0 status_of handed
ok 'handed over: then readers get an error: who mounted has to unmount' has 'not connected' ls "$H/handed"
umount "$H/handed"; podman rm -f -t 0 handed > /dev/null
start > "$work/log" || cat "$work/log"
ok 'handed over: a new one serves, in the container as well' within 30 reads reader
podman kill -s KILL handed > /dev/null
ok 'handed over: after kill -9 readers get an error' within 5 has 'not connected' ls "$H/handed"
umount "$H/handed"; podman rm -f -t 0 handed reader > /dev/null
ok 'handed over: a descriptor that was not passed is told as such' \
    has '/dev/fd/3 is not (open|a FUSE device but .*preserve-fds)' podman run --rm "$image" mount sim /dev/fd/3
