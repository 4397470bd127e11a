# shellcheck shell=bash
# The service, from the installed package.

dump=0x0000000200000001
unit=platdumpfs.service
settings() { script_inside "mkdir -p /etc/platdumpfs; printf 'PLATDUMPFS_OPTIONS=%s\n' '$*' > /etc/platdumpfs/platdumpfs.env"; }
checksum() { inside sha256sum "/mnt/dumps/$dump" | cut -d ' ' -f 1; }
main_pid() { inside systemctl show -P MainPID $unit; }
journal_has() { has "$1" inside journalctl --no-pager -u $unit; }

ok 'the package installs' inside dpkg -i "/packages/$(basename "$(deb_of amd64)")"
ok 'the package enables nothing' has '^disabled$' inside systemctl is-enabled $unit
ok 'the manual is there' inside test -s /usr/share/man/man8/platdumpfs.8.gz
ok 'systemd finds nothing wrong with the unit' is '' inside systemd-analyze verify --man=no /usr/lib/systemd/system/$unit

settings --source=papr
ok 'without firmware the start fails' not inside systemctl start $unit
ok 'without firmware the journal says why' journal_has 'papr-platform-dump'
ok 'without firmware it is not tried again' is 3 inside systemctl show -P ExecMainStatus $unit
inside systemctl reset-failed $unit

settings --source=sim --lockdown-file=/run/level
script_inside 'echo "[none] integrity confidentiality" > /run/level'
ok 'it is enabled' inside systemctl enable $unit
ok 'it starts' inside systemctl start $unit
ok 'dumps are there when the start returns' has "$dump" inside ls /mnt/dumps
ok 'everybody sees the mount' has fuse.platdumpfs inside findmnt -n /mnt/dumps
before=$(checksum)
ok 'a dump is read whole' [ "${#before}" -eq 64 ]
ok 'list asks the daemon of the service' has "$dump" inside platdumpfs list /mnt/dumps
ok 'systemctl status says what is served' has 'serves sim at /mnt/dumps' inside systemctl show -P StatusText $unit

first=$(main_pid)
settings --source=sim --lockdown-file=/run/level --log-level=debug
ok 'it reloads' inside systemctl reload $unit
ok 'the log level is read again' within 10 journal_has 'reloaded logLevel=debug'
ok 'a reload is no restart' is "$first" main_pid
ok 'after a reload it is active' within 10 is active inside systemctl show -P ActiveState $unit
settings --source=sim --lockdown-file=/run/level
inside kill -9 "$first"
restarted() { local now; now=$(main_pid); [ "$now" != 0 ] && [ "$now" != "$first" ] && inside ls "/mnt/dumps/$dump"; }
ok 'it heals from kill -9' within 15 restarted
ok 'after kill -9 a dump is the same' is "$before" checksum

# More starts than an operator makes: reset-failed forgets how many there were.
drop_in() { script_inside "mkdir -p /run/systemd/system/$unit.d; printf '[Service]\n%s\n' '$1' > /run/systemd/system/$unit.d/test.conf; systemctl daemon-reload; systemctl reset-failed $unit; systemctl restart $unit"; }
no_drop_in() { script_inside "rm -r /run/systemd/system/$unit.d; systemctl daemon-reload; systemctl reset-failed $unit; systemctl restart $unit"; }
drop_in WatchdogSec=3
first=$(main_pid)
sleep 7
ok 'the watchdog is answered' is "$first" main_pid
inside kill -STOP "$first"
ok 'the watchdog notices a daemon that hangs' within 60 restarted
ok 'after a hang a dump is the same' is "$before" checksum
drop_in PrivateTmp=yes
ok 'a mount that nobody sees is said' within 10 journal_has 'seen in the mount namespace of this process only'
ok 'doctor says so too' has 'its mount is not seen here' inside platdumpfs doctor /mnt/dumps
no_drop_in

# A reader who sleeps between the first and the second half of a dump, and who waits for whatever comes in between.
reader() { script_inside "{ head -c 65536; touch /run/half; while [ ! -e /run/on ]; do sleep 0.1; done; cat; } < /mnt/dumps/$dump > /run/read; touch /run/end" & }
read_on() { script_inside 'touch /run/on'; within 30 inside test -e /run/end && is "$before" script_inside 'sha256sum < /run/read | cut -d " " -f 1'; script_inside 'rm -f /run/half /run/on /run/end'; }
kept() { is 1 inside systemctl show -P NFileDescriptorStore $unit; }
pids_differ() { [ "$(main_pid)" != "$first" ] && [ "$(main_pid)" != 0 ]; }
ok 'systemd keeps the mount' kept
first=$(main_pid)
reader
ok 'somebody has read half a dump' within 10 inside test -e /run/half
ok 'it restarts' inside systemctl restart $unit
ok 'a restart is another process' pids_differ
ok 'the other process goes on with the mount' journal_has 'isGoingOn=true'
ok 'for a reader a restart is a pause' read_on
ok 'after a restart systemd keeps the mount once' kept
ok 'a restart leaves one mount' is 1 script_inside 'grep -c fuse.platdumpfs /proc/self/mountinfo'
first=$(main_pid)
reader
ok 'somebody has read half a dump again' within 10 inside test -e /run/half
ok 'the package is installed again meanwhile' inside dpkg -i "/packages/$(basename "$(deb_of amd64)")"
ok 'it restarts with the new package' inside systemctl restart $unit
ok 'for a reader an upgrade is a pause' read_on
first=$(main_pid)
reader
ok 'somebody has read half a dump once more' within 10 inside test -e /run/half
inside kill -9 "$first"
ok 'who asks while nobody serves waits' inside timeout 60 stat -f /mnt/dumps
ok 'another process has answered' pids_differ
ok 'for a reader a crash is a pause' read_on
script_inside 'rm -f /run/read'
inside systemctl reset-failed $unit

holder() { script_inside "exec 3< /mnt/dumps/$dump; head -c 65536 <&3 > /dev/null; sleep 60" & }
holder
held() { has "$dump" inside sh -c 'ls -l /proc/[0-9]*/fd 2>/dev/null'; }
ok 'somebody has a dump open' within 10 held
ok 'it stops while a dump is open' inside systemctl stop $unit
ok 'a busy stop is no failure' has '^inactive$' inside systemctl show -P ActiveState $unit
ok 'nothing is mounted after the stop' is '' inside findmnt -n -t fuse.platdumpfs
inside pkill -f 'sleep 60'
wait %% 2> /dev/null

ok 'it starts again' inside systemctl start $unit
script_inside "timeout 120 dd if=/mnt/dumps/$dump of=/run/copy bs=4k count=1 2> /dev/null"
ok 'it goes on while the package is installed again' inside dpkg -i "/packages/$(basename "$(deb_of amd64)")"
ok 'dumps that nobody read before are read after that' inside sh -c 'cat /mnt/dumps/* | wc -c'
ok 'reading after the upgrade gives the same' is "$before" checksum
script_inside 'echo "none integrity [confidentiality]" > /run/level'
ok 'lockdown hides the dumps' within 5 is '' inside ls /mnt/dumps
inside systemctl stop $unit
ok 'at lockdown it does not start' not inside systemctl start $unit
ok 'at lockdown the status is 4' is 4 inside systemctl show -P ExecMainStatus $unit
script_inside 'echo "[none] integrity confidentiality" > /run/level'
inside systemctl reset-failed $unit
