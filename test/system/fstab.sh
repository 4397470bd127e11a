# shellcheck shell=bash
# mount(8), fstab and automount.

script_inside 'mkdir -p /srv/dumps /srv/auto
cat > /etc/fstab << END
none /srv/dumps platdumpfs source=sim,lockdown=ignore,nofail 0 0
none /srv/auto fuse.platdumpfs source=sim,lockdown=ignore,noauto,nofail,x-systemd.automount,x-systemd.idle-timeout=2 0 0
END
systemctl daemon-reload'
ok 'mount -a mounts what fstab says' inside mount -a
ok 'mount -a gives dumps' has "$dump" inside ls /srv/dumps
ok 'mount -a twice changes nothing' inside mount -a
ok 'umount ends it' inside umount /srv/dumps
ok 'mount DIR finds the entry' inside mount /srv/dumps
inside umount /srv/dumps
ended() { not inside pgrep -f "[/]srv/dumps"; }
ok 'the daemon ends with its mount' within 10 ended
ok 'systemd starts the automount' inside systemctl start srv-auto.automount
ok 'the first look mounts' has "$dump" timeout 30 nsenter -t "$leader" -m -u -i -p -n -C -- ls /srv/auto
idle() { not inside findmnt -n -t fuse.platdumpfs /srv/auto; }
ok 'it is unmounted when idle' within 20 idle
ok 'the next look mounts again' has "$dump" timeout 30 nsenter -t "$leader" -m -u -i -p -n -C -- ls /srv/auto
inside systemctl stop srv-auto.automount srv-auto.mount
script_inside ': > /etc/fstab; systemctl daemon-reload'
