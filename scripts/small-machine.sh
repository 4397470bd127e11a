#!/bin/sh
# scripts/small-machine.sh [TEST...]: tests with real mounts, on a machine that has next to nothing. One processor; daemons
# with the smallest cache in a memory group of 128 MiB; a root that cannot be written to and has no /run; a time zone and a
# locale that nobody tests in. With STRESS set, stress-ng beside it. Root on Linux; changes nothing outside of its own mount namespace.
set -eu
cd "$(dirname "$0")/.."
project=$PWD
work=$(mktemp -d)
group=/sys/fs/cgroup/memory/platdumpfs-small-$$
limit=memory.limit_in_bytes
if [ ! -d /sys/fs/cgroup/memory ]; then
  group=/sys/fs/cgroup/platdumpfs-small-$$
  limit=memory.max
fi
end() {
  [ -z "${stress:-}" ] || kill "$stress" 2>/dev/null || true
  umount -l "$work" 2>/dev/null || true
  rmdir "$group" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

if mkdir "$group" 2>/dev/null && echo $((128 * 1024 * 1024)) >"$group/$limit" 2>/dev/null; then
  TEST_DAEMON_GROUP=$group
  export TEST_DAEMON_GROUP
else
  echo 'small machine: no memory groups here: without the limit of 128 MiB'
fi
export TEST_DAEMON_OPTIONS=--cache-size=8MiB TZ=Pacific/Chatham LANG=tr_TR.UTF-8 TMPDIR=/tmp
# Of a locale that is not installed, bash complains on standard error where LC_ALL names it.
unset LC_ALL
if [ -n "${STRESS:-}" ] && command -v stress-ng >/dev/null; then
  stress-ng --quiet --cpu 1 --vm 1 --vm-bytes 256M --io 1 &
  stress=$!
fi

# Not exec: what was made above has to go.
unshare -m --propagation private sh -eu -c '
  work=$1 project=$2
  shift 2
  mount -t tmpfs tmpfs "$work"
  mkdir "$work/upper" "$work/work" "$work/root"
  mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
  rm -rf "$work/root/run"
  for directory in /proc /sys /dev /tmp "$project/node_modules"; do
    mkdir -p "$work/root$directory"
    mount --rbind "$directory" "$work/root$directory"
  done
  mount -o remount,ro,bind "$work/root"
  cd "$work/root$project"
  exec taskset -c 0 chroot "$work/root" sh -eu -c "
    cd \"\$0\"
    [ ! -e /run ]
    ! touch /x 2>/dev/null
    exec \"\$@\"
  " "$project" "$@"
' - "$work" "$project" node node_modules/vitest/vitest.mjs run --config test/small/vitest.config.ts "$@"
