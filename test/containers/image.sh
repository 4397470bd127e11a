# shellcheck shell=bash
# The image itself.

expected=$(expected_sum)
ok 'a dump has a checksum to compare with' [ "${#expected}" -eq 64 ]
size() { [ "$(podman image inspect "$image" --format '{{.Size}}')" -le 160000000 ]; }
ok 'the image has at most 160 MB' size
ok 'it says what it is' has '^platdumpfs [0-9]' podman run --rm "$image" --version
ok 'it says what it can do without rights, by another user, with a read-only root' \
    has 'mount .*MOUNTPOINT' podman run --rm --read-only --user 1000 --cap-drop all "$image" --help
