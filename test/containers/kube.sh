# shellcheck shell=bash
# The example pod, with a volume that the driver's own container has published.

expected=${expected:-$(expected_sum)}
examples=$project/packaging/kubernetes
# In the place of kubelet's directory.
kubelet=$work/kubelet
mkdir -p "$kubelet" && mount --bind "$kubelet" "$kubelet" && mount --make-rshared "$kubelet"
volume=pods/one/volumes/kubernetes.io~csi/dumps
mkdir -p "$kubelet/$volume"

# As base/daemon.yaml and base/plugin.yaml say.
args=$(sed -n '/args:/,/# Kubernetes/p' "$examples/base/daemon.yaml" | sed -n 's/^ *- \(-.*\|ro\)$/\1/p' | tr '\n' ' ')
ok 'kube: the daemon is told to mount read-only' has '^mount /host/dumps -o ro ' echo mount /host/dumps "$args"
# shellcheck disable=SC2086
on_host $args --lockdown=ignore
plugin() {
    podman run -d --name plugin --privileged --read-only -v "$H:/host:ro,rslave" -v "$kubelet:/var/lib/kubelet:rshared" \
        --entrypoint /usr/bin/platdumpfs-csi "$image" --node-id=node1 > "$work/log" 2>&1 || cat "$work/log"
    within 30 has serves podman logs plugin
}
call() { node "$here/csi-call.mjs" "$kubelet/plugins/csi.platdumpfs/csi.sock" "$1" csi-one "/var/lib/kubelet/$volume/mount"; }
plugin
ok 'kube: the driver publishes from its container' call publish

# podman knows no CSI volumes: the directory that kubelet would hand to the runtime takes the place of ours.
sed -e "s|^      csi:|      hostPath:|; s|^        driver: csi.platdumpfs|        path: $kubelet/$volume/mount|; /^        path:/,\$ s/^        readOnly: true//" \
    -e "s|localhost/platdumpfs:latest|$image:latest|" "$examples/example-pod.yaml" > "$work/pod.yaml"
ok 'kube: the example pod starts' podman kube play "$work/pod.yaml"
in_pod() { podman exec diagnostics-diagnostics "$@"; }
reads() { is "$expected" sum in_pod sha256sum "/dumps/dumps/$dump"; }
ok 'kube: the pod is not root' is 1000 in_pod id -u
ok 'kube: it reads a dump' within 10 reads
ok 'kube: list shows the dumps' has "$dump" in_pod platdumpfs list /dumps/dumps
ok 'kube: rm does not work' not in_pod rm -f "/dumps/dumps/$dump"
ok 'kube: the driver goes away for an upgrade' podman rm -f -t 10 plugin
ok 'kube: the pod still reads' reads
end_host KILL
ok 'kube: after kill -9 of the daemon the pod gets an error' has 'not connected' in_pod ls /dumps/dumps
# shellcheck disable=SC2086
on_host $args --lockdown=ignore
ok 'kube: the next daemon heals it, without the driver' within 10 reads
podman kube down "$work/pod.yaml" > /dev/null 2>&1
plugin
ok 'kube: the new driver takes away what the old one has published' call unpublish
ok 'kube: nothing is left of it' not test -e "$kubelet/$volume/mount"
podman rm -f -t 10 plugin > /dev/null
end_host TERM
