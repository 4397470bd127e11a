# shellcheck shell=bash
# The daemon runs on the host, and containers read. The parent directory is bound, so that they see the next mount as well.

expected=${expected:-$(expected_sum)}
level none
shared=(-o ro --allow-other --gid 1000 --umask 0227 --lockdown-file "$work/level")
on_host "${shared[@]}"
mkdir -p "$work/out" && chmod 0777 "$work/out"
client reader -v "$H:/host:ro,rslave" -v "$work/out:/out" > "$work/log" || cat "$work/log"
client direct -v "$H/dumps:/dumps:ro,rslave" > "$work/log" || cat "$work/log"
reads() { is "$expected" sum podman exec "$@" sha256sum "/host/dumps/$dump"; }
as_other=(--user 2000:1000 reader)

ok 'host: root of a container reads a dump' reads reader
ok 'host: so does another user, by the group' reads "${as_other[@]}"
ok 'host: who is not in the group does not' not reads --user 2000:2000 reader
ok 'host: save works without the socket, under the name that the mount has here' \
    has 'saved as /out/' podman exec reader platdumpfs save 200000001 /out --mountpoint /host/dumps
ok 'host: the copy is the dump' is "$expected" sum sha256sum "$work/out/"*
ok 'host: list works without the socket' has "$dump  platform +3.0 MiB" podman exec reader platdumpfs list /host/dumps
ok 'host: info works without the socket' has 'complete' podman exec reader platdumpfs info 200000001 --mountpoint /host/dumps
ok 'host: without the socket a mount has to be named, and the message names it' \
    has 'has to be named: /host/dumps' podman exec reader platdumpfs save --all /out
ok 'host: rm does not work: a bind is read-only at its top only, so the mount is' \
    has 'Read-only file system' podman exec reader rm -f "/host/dumps/$dump"

end_host TERM
ok 'host: the daemon ends' [ $? -eq 0 ]
on_host "${shared[@]}"
ok 'host: after a restart the container reads again' within 5 reads reader
ok 'host: a bind of the mount itself does not' not podman exec direct ls "/dumps/$dump"

end_host KILL
ok 'host: after kill -9 readers get an error, not an empty directory' has 'not connected' podman exec reader ls /host/dumps
on_host "${shared[@]}"
ok 'host: the next start heals it for the container' within 5 reads reader
ok 'host: ... and for another user' reads "${as_other[@]}"

level confidentiality
ok 'host: lockdown hides the dumps from the container' within 5 is '' podman exec reader ls /host/dumps
level none
ok 'host: stopping a container takes no mount away' podman rm -f -t 0 reader direct
ok 'host: ... the daemon still serves it' has fuse.platdumpfs findmnt -n "$H/dumps"
end_host TERM

on_host --unlink=never --allow-other --lockdown=ignore
client remover -v "$H:/host:rslave" > "$work/log" || cat "$work/log"
podman exec remover sha256sum "/host/dumps/$dump" > /dev/null
ok 'host: --unlink=never refuses as well' has 'Operation not permitted' podman exec remover rm -f "/host/dumps/$dump"
podman rm -f -t 0 remover > /dev/null
end_host TERM

on_host --allow-other --lockdown=ignore
client remover -v "$H:/host:ro,rslave" > "$work/log" || cat "$work/log"
podman exec remover sha256sum "/host/dumps/$dump" > /dev/null
ok 'host: without either, a read-only bind of the parent lets rm through' podman exec remover rm -f "/host/dumps/$dump"
podman rm -f -t 0 remover > /dev/null
end_host TERM
