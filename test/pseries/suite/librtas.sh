# shellcheck shell=bash
# Mount b, on Debian's librtas. Sourced by suite.sh.

librtas() {
    local big=0000000200000003 begun mib=$((librtas_bytes >> 20))
    check 'librtas mounts too' mounted b
    begun=$(now)
    check "librtas: cp of $mib MiB" cp /mnt/b/0x$big /tmp/big.b
    echo "# cp of $mib MiB through source librtas: $(elapsed "$begun") ms"
    check '  gives what the hypervisor has' same $big /tmp/big.b
    check '  by one pass' test "$(calls $big)" = $((librtas_bytes / 4096))
    check '  rm makes firmware forget it' rm /mnt/b/0x$big
    check '  and only then' is_invalidated $big
    rm -f /tmp/big.b
    faults b 3
    dump 0000000300000041 100000 'busy 1 40960' forget-next
    heals 'librtas begins anew behind our back' b 0000000300000041 /tmp/anew
}
