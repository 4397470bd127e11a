# shellcheck shell=bash
# mount(8), fstab and automount.

script_inside 'mkdir -p /srv/dumps /srv/auto /home/tess
useradd --home-dir /home/tess tess
mkdir -p /home/tess/dumps && chown -R tess /home/tess
cat > /etc/fstab << END
none /srv/dumps platdumpfs source=sim,lockdown=ignore,nofail 0 0
none /srv/auto platdumpfs source=sim,lockdown=ignore,noauto,nofail,x-systemd.automount,x-systemd.idle-timeout=2 0 0
none /home/tess/dumps platdumpfs source=sim,lockdown=ignore,noauto,user 0 0
END
systemctl daemon-reload'
ok 'mount -a mounts what fstab says' inside mount -a
ok 'mount -a gives dumps' has "$dump" inside ls /srv/dumps
ok 'mount -a twice changes nothing' inside mount -a
ok 'mount -a twice leaves one mount' is 1 script_inside 'findmnt -n -t fuse.platdumpfs /srv/dumps | wc -l'
ok 'mount -o remount,ro' inside mount -o remount,ro /srv/dumps
ok 'nothing is removed then' has 'Read-only file system' script_inside "cat /srv/dumps/$dump > /dev/null; rm /srv/dumps/$dump"
ok 'umount ends it' inside umount /srv/dumps
ok 'mount -f mounts nothing' inside mount -f /srv/dumps
ok 'nothing is mounted after mount -f' is '' inside findmnt -n -t fuse.platdumpfs
ok 'mount DIR finds the entry' inside mount /srv/dumps
inside umount /srv/dumps
ended() { not inside pgrep -f "[/]srv/dumps"; }
ok 'the daemon ends with its mount' within 10 ended

as_tess() { inside runuser -u tess -- "$@"; }
ok 'a user mounts what fstab lets users mount' as_tess mount /home/tess/dumps
ok 'the user reads dumps' has "$dump" as_tess ls /home/tess/dumps
ok 'the user unmounts it' as_tess umount /home/tess/dumps

look() { timeout 30 nsenter -t "$leader" -m -u -i -p -n -C -- ls /srv/auto; }
ok 'systemd starts the automount' inside systemctl start srv-auto.automount
ok 'the first look mounts' has "$dump" look
# Without looking at the place itself: that would be use.
idle() { not inside grep -q ' /srv/auto .* fuse.platdumpfs ' /proc/self/mountinfo; }
ok 'it is unmounted when idle' within 20 idle
ok 'the next look mounts again' has "$dump" look
ok 'the automount is stopped' inside systemctl stop srv-auto.automount srv-auto.mount
ok 'nothing is mounted after that' within 10 is '' inside findmnt -n -t fuse.platdumpfs
script_inside ': > /etc/fstab; systemctl daemon-reload'
