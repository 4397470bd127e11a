# shellcheck shell=bash
# Partitions are network namespaces with an sshd each, and a collector pulls: docs/fleet.md.

need sshd openssh-server
need rsync rsync
need getfattr attr
need ip iproute2
need rclone rclone
partitions=${FLEET_SIZES:-2}
most=${partitions##* }
fleet=$work/fleet
prefix=pd$$
netns() { ip netns exec "$prefix-$1" "${@:2}"; }

# A collector with a bridge, and partitions at 10.9.0.N.
network() {
    ip netns add "$prefix-c" && netns c ip link add br0 type bridge && netns c ip addr add 10.9.0.254/24 dev br0 && netns c ip link set br0 up || return
    for n in $(seq "$most"); do
        ip netns add "$prefix-$n" && ip link add "p$n" netns "$prefix-c" type veth peer name eth0 netns "$prefix-$n" || return
        netns c ip link set "p$n" master br0 up
        netns "$n" ip addr add "10.9.0.$n/24" dev eth0 && netns "$n" ip link set eth0 up || return
        netns "$n" "$(command -v sshd)" -f "$fleet/sshd" -o "PidFile=$fleet/sshd-$n.pid" || return
    done
}
fleet_finish() {
    for pid in "$fleet"/sshd-*.pid; do [ ! -e "$pid" ] || kill "$(cat "$pid")" 2> /dev/null; done
    ip netns list | awk -v p="$prefix-" 'index($1, p) == 1 { print $1 }' | xargs -r -n 1 ip netns delete
}
mkdir -p "$fleet/bin" "$fleet/got" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$fleet/key" && ssh-keygen -q -t ed25519 -N '' -f "$fleet/hostkey"
cp "$fleet/key.pub" "$fleet/authorized"
cat > "$fleet/sshd" << EOF
HostKey $fleet/hostkey
AuthorizedKeysFile $fleet/authorized
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
EOF
# As ~/.ssh/config of the collector would have it.
printf '#!/bin/sh\nexec %s -i %s -o UserKnownHostsFile=%s -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR "$@"\n' \
    "$(command -v ssh)" "$fleet/key" "$fleet/known" > "$fleet/bin/ssh" && chmod +x "$fleet/bin/ssh"

if ! network > "$work/log" 2>&1; then
    echo "skipped: no network namespaces here: $(tail -n 1 "$work/log")"
else
    expected=${expected:-$(expected_sum)}
    pull() { netns c env PATH="$fleet/bin:$PATH" PLATDUMPFS_MOUNTPOINT="$H/dumps" "$project/packaging/fleet/pull" "10.9.0.$1" "$fleet/got" "${@:2}"; }
    got=$fleet/got/10.9.0.1
    slow=(--sim-dump 400000001:4MiB --sim-latency-us 2000)
    on_host --lockdown=ignore "${slow[@]}"
    pull 1 > "$work/log" 2>&1 &
    puller=$!
    arriving() { [ -n "$(find "$got" -name '.0x*' -size +0 2> /dev/null)" ]; }
    ok 'fleet: a pull begins' within 30 arriving
    netns c pkill -f "rsync .*10.9.0.1:" ; wait "$puller" 2> /dev/null
    partial() { [ -z "$(ls "$got" 2> /dev/null | grep -vE "^0x0000000(2|3)" )" ]; }
    ok 'fleet: an interrupted pull leaves no name of a dump that is not whole' partial
    ok 'fleet: ... and the dump where it was' test -e "$H/dumps/0x0000000400000001"
    ok 'fleet: the next pull goes on' pull 1
    ok 'fleet: a copy is the dump' is "$expected" sum sha256sum "$got/$dump"
    ok 'fleet: nothing half is left' is '' find "$got" -path '*.partial*' -type f
    ok 'fleet: a pull without anything new transfers nothing' not has '0x' pull 1 --itemize-changes
    printf x | dd of="$got/$dump" bs=1 seek=9 conv=notrunc 2> /dev/null
    touch -r "$H/dumps/$dump" "$got/$dump"
    ok 'fleet: a copy that went bad is found by its checksum' has 'FAILED' pull 1
    rm -f "$got/$dump"

    ok 'fleet: with --remove-source-files firmware forgets what was copied' pull 1 --remove-source-files
    ok 'fleet: ... all of it' is '' ls "$H/dumps"
    ok 'fleet: ... and the copy is there' is "$expected" sum sha256sum "$got/$dump"
    end_host TERM

    # Dumps that keep their time when the daemon starts again, as announced ones do.
    generated=("${sim[@]}")
    sim=(--sim-dir "$fleet/sim")
    mkdir "$fleet/sim" && cp -p "$got/$dump" "$fleet/sim/$dump" && chmod 0600 "$fleet/sim/$dump"
    on_host --lockdown=ignore
    ok 'fleet: a dump is pulled' pull 1
    end_host TERM
    on_host --lockdown=ignore
    pull 1 --remove-source-files > "$work/log" 2>&1
    echo "        rsync says: $(tr '\n' ' ' < "$work/log")"
    ok 'fleet: after a restart nothing is removed that was not read again' test -e "$H/dumps/$dump"
    end_host TERM
    sim=("${generated[@]}")
    on_host --lockdown=ignore

    clone() {
        netns c rclone "$1" ":sftp:$H/dumps" "$fleet/cloned" --config "$fleet/rclone.conf" --sftp-host 10.9.0.2 --sftp-user root --sftp-key-file "$fleet/key" \
            --sftp-disable-hashcheck -q
    }
    ok 'fleet: rclone copies' clone copy
    ok 'fleet: ... the dump' is "$expected" sum sha256sum "$fleet/cloned/$dump"
    ok 'fleet: rclone moves: firmware forgets what was read' clone move
    ok 'fleet: ... all of it' is '' ls "$H/dumps"
    end_host TERM

    mkdir -p "$work/gathered"
    on_host -o ro --lockdown=ignore
    ok 'fleet: gather copies every dump of a node' env PATH="$project/bin:$PATH" DUMPS="$H/dumps" OUT="$work/gathered" "$project/packaging/fleet/gather"
    ok 'fleet: ... the dump' has "$expected" sh -c "sha256sum $work/gathered/platform-dumps/*"

    # FLEET_SIZES='1 4 16 64': what a round costs the collector. The partitions share one mount.
    for size in ${FLEET_SIZES:-}; do
        for round in first nothing-new; do
            [ "$round" = nothing-new ] || rm -rf "$fleet/got"
            from=${EPOCHREALTIME/./}
            cpu=$( { TIMEFORMAT='%U %S'; time (export -f pull netns; export fleet project H prefix PATH; seq "$size" | xargs -P 8 -I {} bash -c 'pull {} > /dev/null 2>&1'); } 2>&1)
            echo "cost: $size partitions, $round: $(((${EPOCHREALTIME/./} - from) / 1000)) ms, processor s of the collector (user system): $cpu"
        done
    done
    end_host TERM
fi
fleet_finish
