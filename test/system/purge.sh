# shellcheck shell=bash
# Removal and purge.

inside systemctl start $unit
ok 'the package is removed while it serves' inside dpkg -r platdumpfs
ok 'after the removal dumps are still read' is "$before" checksum
ok 'the service still stops' inside systemctl stop $unit
ok 'the package is purged' inside dpkg -P platdumpfs
left() { inside find /usr /etc /var /run /mnt -xdev -name '*platdumpfs*' -not -path '/var/log/*' -not -path '/var/lib/dpkg/*' -not -path '/run/systemd/*'; }
ok 'nothing of it is left' is '' left
ok 'nothing is mounted' within 10 is '' inside findmnt -n -t fuse.platdumpfs
ok 'no process of it runs' within 10 not inside pgrep -f platdumpfs
