# shellcheck shell=bash
# Metrics for node_exporter, by the units of the package.

textfile=/var/lib/prometheus/node-exporter/platdumpfs.prom
metrics=platdumpfs-metrics
tells() { has "$1" inside cat "$textfile"; }
tells_nothing_of_dumps() { tells '^platdumpfs_dumps_hidden\S* 1$' && not tells '^platdumpfs_dumps_(waiting|bytes)'; }

for kind in service timer path; do
    ok "systemd finds nothing wrong with $metrics.$kind" is '' inside systemd-analyze verify --man=no "/usr/lib/systemd/system/$metrics.$kind"
done
script_inside 'rm -rf /var/lib/prometheus'
inside systemctl start $unit
ok 'without node_exporter there are no metrics' not inside systemctl start $metrics.service
ok 'the journal says what is missing' has 'does not exist: install prometheus-node-exporter' inside journalctl --no-pager -u $metrics.service
# Owned by another user there, too.
script_inside "mkdir -p ${textfile%/*}; chown -R daemon: /var/lib/prometheus"
ok 'metrics are written' inside systemctl start $metrics.service
ok 'they count dumps' tells '^platdumpfs_dumps_waiting\S* 4$'
ok 'whoever collects them can read them' is 644 inside stat -c %a "$textfile"
ok 'they have neither tag nor name of a dump' not tells '0x[0-9a-f]{16}|SYSDUMP'

inside rm "$textfile"
# Here nobody can raise the real level.
script_inside "mkdir -p /run/systemd/system/$metrics.path.d; printf '[Path]\nPathModified=/run/level\n' > /run/systemd/system/$metrics.path.d/test.conf; systemctl daemon-reload"
ok 'the timer is enabled and started' inside systemctl enable --now $metrics.timer
ok 'it writes metrics' within 90 tells '^platdumpfs_dumps_bytes'
script_inside 'echo "none integrity [confidentiality]" > /run/level'
ok 'lockdown takes the dumps out of the file before the next minute' within 15 tells_nothing_of_dumps
inside systemctl stop $unit
script_inside 'echo "[none] integrity confidentiality" > /run/level'
ok 'a daemon that is stopped is said' inside systemctl start $metrics.service
ok 'it is down then' tells '^platdumpfs_up\S* 0$'
ok 'the timer is stopped' inside systemctl stop $metrics.timer
ok 'nothing looks at lockdown then' is inactive inside systemctl show -P ActiveState $metrics.path
