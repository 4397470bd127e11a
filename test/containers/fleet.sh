# shellcheck shell=bash
# Partitions are network namespaces with an sshd each, and a collector pulls: docs/fleet.md.

need sshd openssh-server
need rsync rsync
need getfattr attr
need flock util-linux
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
    removing() { pull 1 --remove-source-files > "$work/log" 2>&1; echo $?; }
    ok 'fleet: ... and the dump is not removed then' is 65 removing
    ok 'fleet: ... it is where it was' test -e "$H/dumps/$dump"
    rm -f "$got/$dump"
    kill -STOP "$daemon"
    hangs() { pull 1 --timeout=2 > "$work/log" 2>&1; echo $?; }
    ok 'fleet: a partition that hangs ends the pull' is 30 hangs
    kill -CONT "$daemon"
    mv "$fleet/got" "$fleet/enough" && mkdir "$fleet/got" && mount -t tmpfs -o size=2M small "$fleet/got"
    ok 'fleet: a full disk is no success' not pull 1
    ok 'fleet: ... and what does not fit has no name there' not test -e "$got/$dump"
    mount -o remount,size=32M "$fleet/got"
    ok 'fleet: with room the next pull goes on' pull 1
    ok 'fleet: ... to the dump' is "$expected" sum sha256sum "$got/$dump"
    umount "$fleet/got" && rmdir "$fleet/got" && mv "$fleet/enough" "$fleet/got"
    # Of the two connections, the one that asks for checksums fails.
    mv "$fleet/bin/ssh" "$fleet/bin/ssh-that-works"
    printf '#!/bin/sh\ncase $* in *getfattr*) exit 255 ;; esac\nexec %s "$@"\n' "$fleet/bin/ssh-that-works" > "$fleet/bin/ssh" && chmod +x "$fleet/bin/ssh"
    ok 'fleet: a copy that could not be compared is no success' not pull 1
    mv "$fleet/bin/ssh-that-works" "$fleet/bin/ssh"
    in_loop() { pull 1 && cat; }
    ok 'fleet: a loop over partitions keeps its input' is next in_loop <<< next
    beside() { (exec 9> "$got/.lock" && flock 9 && pull 1); }
    ok 'fleet: a pull beside another one of the same partition is told so' has 'another pull of 10.9.0.1 runs' beside

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
    ok 'fleet: a partition whose daemon was ended is not one without dumps' has 'no platdumpfs is mounted' pull 1
    ended() { pull 1 > "$work/log" 2>&1; echo $?; }
    ok 'fleet: ... and the pull fails' is 69 ended
    on_host --lockdown=ignore
    ok 'fleet: after a restart of the daemon what was pulled before is removed as well' pull 1 --remove-source-files
    ok 'fleet: ... since it was read again' is '' ls "$H/dumps"
    end_host TERM
    tail -c 1000 "$got/$dump" > "$fleet/sim/$dump" && chmod 0600 "$fleet/sim/$dump"
    on_host --lockdown=ignore
    ok 'fleet: a tag that comes back with another dump is pulled' pull 1
    ok 'fleet: ... and the copy of the earlier dump is kept' is "$expected" sum sha256sum "$got/$dump.until-"*
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

    # Where kubectl would start a command in a pod, podman does in a container.
    cat > "$fleet/bin/oc" << 'EOF'
#!/bin/sh
case $1 in
    get) printf 'daemon node1\nabsent node2\n' ;;
    exec) pod=$4; shift 7; exec podman exec "$pod" "$@" ;;
esac
EOF
    chmod +x "$fleet/bin/oc"
    podman run -d --name daemon --device /dev/fuse --cap-add SYS_ADMIN --tmpfs /host/dumps "$image" mount sim /host/dumps -o ro "${sim[@]}" > "$work/log" 2>&1 || cat "$work/log"
    serving() { has '"mounted"' podman logs daemon; }
    within 30 serving
    gather() { env PATH="$fleet/bin:$PATH" OUT="$work/gathered" "$project/packaging/fleet/gather"; }
    ok 'fleet: gather fails where a node is missing' not gather
    ok 'fleet: gather says which node it could not ask' has 'dumps of node2 cannot be listed' gather
    ok 'fleet: ... and copies every dump of the others' is "$expected" sum sha256sum "$work/gathered/platform-dumps/node1/$dump"
    ok 'fleet: ... and nothing that is not whole' is '' find "$work/gathered" -name '*.part'
    podman rm -f -t 0 daemon > /dev/null
    on_host -o ro --lockdown=ignore

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
