# shellcheck shell=bash
# The daemon runs in a container, and the host and other containers read.

expected=${expected:-$(expected_sum)}
level none
mkdir -p "$work/socket" "$work/out2" "$H/dumps" "$work/security" && chmod 0777 "$work/out2"
rights=(--read-only --tmpfs /var/cache/platdumpfs --device /dev/fuse --cap-drop all --cap-add SYS_ADMIN -v "$H:/host:rshared"
    -v "$work/socket:/run/platdumpfs" -v "$work/level:/level:ro")
options=(-o ro --allow-other --gid 1000 --umask 0227 --lockdown-file /level "${sim[@]}")
start() { podman run -d --name daemon "${rights[@]}" "$image" mount sim /host/dumps "${options[@]}"; }
serves() { is "$expected" sum sha256sum "$H/dumps/$dump"; }
start > "$work/log" || cat "$work/log"
client reader -v "$H:/elsewhere:ro,rslave" -v "$work/socket:/run/platdumpfs" -v "$work/out2:/out" > "$work/log" || cat "$work/log"
reads() { is "$expected" sum podman exec "$@" sha256sum "/elsewhere/dumps/$dump"; }

ok 'daemon: the host sees the dumps of a container' within 30 serves
ok 'daemon: so does another container' reads reader
ok 'daemon: ... for another user' reads --user 2000:1000 reader
ok 'daemon: list finds the mount under the name that it has here' \
    has '"path": "/elsewhere/dumps/' podman exec reader platdumpfs list --json
ok 'daemon: info does' has "/elsewhere/dumps/$dump" podman exec reader platdumpfs info 200000001
ok 'daemon: a mount is found by that name' has "$dump" podman exec reader platdumpfs list /elsewhere/dumps
ok 'daemon: save reads through the mount of here' \
    has 'saved as /out/' podman exec reader platdumpfs save 200000001 /out
ok 'daemon: the copy is the dump' is "$expected" sum sha256sum "$work/out2/"*
ok 'daemon: rm does not work on the host' has 'Read-only file system' rm -f "$H/dumps/$dump"
ok 'daemon: rm does not work in a container' has 'Read-only file system' podman exec reader rm -f "/elsewhere/dumps/$dump"

ok 'daemon: it is restarted' podman restart -t 10 daemon
ok 'daemon: after a restart the container reads again' within 30 reads reader
podman kill -s KILL daemon > /dev/null
ok 'daemon: after kill -9 readers get an error, not an empty directory' within 5 has 'not connected' ls "$H/dumps"
podman start daemon > /dev/null
ok 'daemon: the next start heals it' within 30 reads reader

level confidentiality
ok 'daemon: lockdown hides the dumps' within 5 is '' podman exec reader ls /elsewhere/dumps
ok 'daemon: list says why' has 'locked down' podman exec reader platdumpfs list
ok 'daemon: it stops' podman stop -t 10 daemon
ok 'daemon: a stop is no failure' is 0 status_of daemon
podman start daemon > /dev/null
exited() { is exited podman inspect daemon --format '{{.State.Status}}'; }
within 30 exited
ok 'daemon: at lockdown it does not start, and says so' is 4 status_of daemon
ok 'daemon: nothing is mounted then' is '' findmnt -n -t fuse.platdumpfs "$H/dumps"
level none
podman rm -f -t 0 daemon reader > /dev/null

# Another container goes on with the mount: it has to see the process that serves it, and to outlive it.
both=("${rights[@]}" --pid host --cap-add SYS_PTRACE)
podman run -d --name before "${both[@]}" "$image" mount sim /host/dumps "${options[@]}" > "$work/log" || cat "$work/log"
ok 'takeover: the first container serves' within 30 serves
exec 8< "$H/dumps/$dump"
head -c 1000000 > "$work/copied" <&8
podman run -d --name after "${both[@]}" "$image" mount sim /host/dumps "${options[@]}" --takeover > "$work/log" || cat "$work/log"
ended() { is exited podman inspect before --format '{{.State.Status}}'; }
ok 'takeover: it ends when the second one takes the mount over' within 30 ended
ok 'takeover: that is no failure' is 0 status_of before
cat >> "$work/copied" <&8
exec 8<&-
ok 'takeover: a reader gets every byte' is "$expected" sum sha256sum "$work/copied"
ok 'takeover: the second container serves' is "$expected" sum sha256sum "$H/dumps/$dump"
ok 'takeover: there is one mount' is 1 grep -c " $H/dumps fuse" /proc/mounts
ok 'takeover: the second container stops' podman stop -t 10 after
ok 'takeover: nothing is mounted then' is '' findmnt -n -t fuse.platdumpfs "$H/dumps"
podman rm -f -t 0 before after > /dev/null

ok 'daemon: without the capability the message says what to add' \
    has 'cap-add SYS_ADMIN --device /dev/fuse' podman run --rm --device /dev/fuse "$image" mount sim /dumps
ok 'daemon: without the device the message says what to add' \
    has '.--device /dev/fuse' podman run --rm --cap-add SYS_ADMIN "$image" mount sim /dumps
mkdir -p "$work/opal"
real=(--device /dev/fuse --cap-add SYS_ADMIN -v "$work/opal:/opal:ro")
# The bind that the message names, tried; where the host has no securityfs, one is mounted elsewhere.
bind=$(podman run --rm "${real[@]}" "$image" mount opal /dumps --opal-dir /opal 2>&1 | grep -oE '\-v /[^ )]+' | cut -d ' ' -f 2)
ok 'daemon: without securityfs the message names a bind' is /sys/kernel/security:/sys/kernel/security:ro echo "$bind"
mountpoint -q /sys/kernel/security || { mount -t securityfs none "$work/security" && bind=$work/${bind#/sys/kernel/}; }
podman run -d --name opal "${real[@]}" -v "$bind" "$image" mount opal /dumps --opal-dir /opal > "$work/log" || cat "$work/log"
ok 'daemon: ... and with it a real source is served' within 30 has '"mounted"' podman logs opal
podman rm -f -t 0 opal > /dev/null
