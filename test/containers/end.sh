# shellcheck shell=bash
# As PID 1 the daemon ends from every state, by itself and with its own status.

# ends WHAT STATUS: the container `end` is stopped.
ends() {
    local from=${EPOCHREALTIME/./} status
    podman stop -t 10 end > /dev/null
    local ms=$(((${EPOCHREALTIME/./} - from) / 1000))
    status=$(status_of end)
    # podman itself takes half a second; a busy machine more.
    ok "end: $1 ($ms ms)" [ "$status/$((ms < 5000))" = "$2/1" ]
    podman rm -f -t 0 end > /dev/null
}
run_end() { podman run -d --name end --device /dev/fuse --cap-add SYS_ADMIN "$@" > "$work/log" 2>&1 || cat "$work/log"; }
log_has() { has "$1" podman logs end; }

run_end -v "$H:/host:rshared" "$image" mount sim /host/dumps --unmount-timeout 0
within 30 log_has '"mounted"'
ends 'while it serves' 0

run_end -v "$H:/host:rshared" "$image" mount sim /host/dumps --unmount-timeout 0
within 30 log_has '"mounted"'
exec 4< "$H/dumps/$dump"
ends 'while somebody holds a dump' 0
exec 4<&-

run_end -v "$H:/host:rshared" "$image" mount sim /host/dumps --unmount-timeout 0 --sim-latency-us 600000000 --sim-dump 1:1MiB
within 30 log_has '"mounted"'
cat "$H/dumps/0x0000000000000001" > /dev/null 2>&1 &
reading() { has 0x0000000000000001 podman exec end platdumpfs list; }
within 10 reading
ends 'while firmware is stuck' 0
wait %% 2> /dev/null

(exec 3<> /dev/fuse && run_end --preserve-fds 1 --user 1000 --cap-drop all "$image" mount sim /dev/fd/3)
within 30 log_has 'transport chosen'
ends 'while nobody has mounted its device' 1

run_end -v "$work/level:/level" -v "$H:/host:rshared" "$image" mount sim /host/dumps --lockdown-file /level
within 30 log_has '"mounted"'
level confidentiality
within 10 log_has 'locked down'
ends 'while it is locked down' 0
level none
