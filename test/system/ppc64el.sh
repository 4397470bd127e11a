# shellcheck shell=bash
# The ppc64el package under qemu-user: real FUSE mount, the processor emulated.

emulated() {
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || return 1
    [ -e /proc/sys/fs/binfmt_misc/qemu-ppc64le ] || update-binfmts --enable qemu-ppc64le
}
ppc() { chroot "$work/ppc64el" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }

# The same generated dump from this machine's own build.
sim_checksum() {
    local at=$work/here
    mkdir -p "$at" && "$project/bin/platdumpfs" mount sim "$at" --daemon --lockdown=ignore --sim-dump "$1" 2> /dev/null &&
        sha256sum < "$at/0x$(printf '%016x' "${1%%:*}")" && "$project/bin/platdumpfs" umount "$at"
}

ok 'ppc64el programs run here' emulated
tarball ppc64el --architectures=ppc64el --aptopt='Acquire::Check-Valid-Until "false"' --include=nodejs,mount,fuse3 forky
mkdir "$work/ppc64el" && tar -xf "$cache/ppc64el.tar" -C "$work/ppc64el"
mount --bind "$work/ppc64el" "$work/ppc64el"
mount -t proc proc "$work/ppc64el/proc"
cp "$(deb_of ppc64el)" "$work/ppc64el/p.deb"
[ -e "$work/ppc64el/dev/fuse" ] || mknod "$work/ppc64el/dev/fuse" c 10 229
ok 'the ppc64el package installs' ppc dpkg -i /p.deb
ok 'koffi loads on ppc64el' has '^ok +koffi' ppc platdumpfs doctor /tmp
mkdir -p "$work/ppc64el/mnt/dumps"
ok 'it mounts on ppc64el' ppc platdumpfs mount sim /mnt/dumps --daemon --lockdown=ignore --sim-dump 1:300000 --sim-dump 2:1MiB
ok 'a dump is read on ppc64el' is 300000 sh -c "cat '$work/ppc64el/mnt/dumps/0x0000000000000001' | wc -c"
ok 'it is the dump that amd64 gives' is "$(sim_checksum 1:300000)" sh -c "sha256sum < '$work/ppc64el/mnt/dumps/0x0000000000000001'"
ok 'it unmounts on ppc64el' ppc platdumpfs umount /mnt/dumps
