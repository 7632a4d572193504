"""One node of an embedded cluster: its folder, its settings, and what its init process sets up and keeps running."""

import json
import pathlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clusters.embedded.addresses import Addresses
from harness.clusters.embedded.certificates import Authority
from harness.clusters.embedded.controlplane import BRIDGE, SETTINGS, kubeconfig
from harness.clusters.embedded.layout import ClusterDir

DOMAIN = "cluster.local"
PAUSE = "survive.dev/pause:dev"
DISK_MB = 600

QUICK = {
    "evictionPressureTransitionPeriod": "5s",
    "nodeStatusUpdateFrequency": "5s",
    "volumeStatsAggPeriod": "5s",  # up to two minutes by default, until a volume over its limit is noticed
    "serializeImagePulls": False,
}
"""What a kubelet is told to do sooner than by default, so that rows need not wait for it."""

SMALL_DISK = {
    "evictionHard": {"nodefs.available": "100Mi"},
    "evictionSoft": {"nodefs.available": "300Mi"},
    "evictionSoftGracePeriod": {"nodefs.available": "3s"},
    "evictionMaxPodGracePeriod": 4,
}
"""The kubelet's settings on a small disk; see `harness.nodes`."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is to be. `index` (from 1) gives its addresses; a small disk is an ext4 of its own of DISK_MB."""

    name: str
    index: int
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    small_disk: bool = False


LAYERS = pathlib.PurePath("/run/survive/layers")
"""Where a node has the unpacked layers of all images, to be read."""

STANDARD = (
    Node("load", 1, {"survive.dev/role": "load"}, ("survive.dev/load=:NoSchedule",)),
    Node("worker-1", 2),
    Node("worker-2", 3),
    Node("small-disk", 4, {"survive.dev/disk": "small"}, ("survive.dev/disk=small:NoSchedule",), small_disk=True),
)
"""The nodes of a fresh cluster: one for load and DNS, two for what is tested, one whose disk is soon full."""


def prepare(
    folder: ClusterDir, addresses: Addresses, authority: Authority, node: Node, cgroup: str, gates: Mapping[str, bool]
) -> None:
    """Write the node's certificates and settings, the images apart."""
    root = folder.node(node.name)
    for sub in ("kubelet", "containerd", "logs", "cni"):
        (root / sub).mkdir(parents=True, exist_ok=True)
    address = addresses.node(node.index)
    name = f"node-{node.name}"
    authority.issue(name, f"system:node:{node.name}", groups=["system:nodes"], names=[node.name, address])
    authority.issue(f"{name}-proxy", "system:kube-proxy")
    kubeconfig(folder, addresses, name, root / "kubelet.kubeconfig")
    kubeconfig(folder, addresses, f"{name}-proxy", root / "kube-proxy.kubeconfig")
    (root / "resolv.conf").write_text("")
    (root / "containerd.toml").write_text(_CONTAINERD)
    _write(root / "kubelet.json", _kubelet(folder, addresses, node, cgroup) | {"featureGates": dict(gates)})
    _write(root / "cni" / "10-ptp.conflist", _cni(addresses, node))


def init_spec(
    folder: ClusterDir, addresses: Addresses, programs: pathlib.Path, layers: pathlib.Path, node: Node
) -> dict[str, Any]:
    """The spec for `init`: the node's view of the file system, its network, then containerd, kubelet, kube-proxy."""
    root = folder.node(node.name)
    programs_path = "/run/survive/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    commands = {
        "containerd": ["containerd", "--config", "/run/survive/node/containerd.toml"],
        "kubelet": _kubelet_command(addresses, node),
        "kube-proxy": _kube_proxy_command(addresses, node),
    }
    processes = [
        {
            "name": name,
            "argv": [f"/run/survive/programs/{argv[0]}", *argv[1:]],
            "log": f"/run/survive/node/logs/{name}.log",
            "env": {"PATH": programs_path},
        }
        for name, argv in commands.items()
    ]
    steps = _mounts(root, programs, layers, node) + _network(addresses, node)
    return {"hostname": node.name, "steps": steps, "processes": processes}


def _mounts(root: pathlib.Path, programs: pathlib.Path, layers: pathlib.Path, node: Node) -> list[list[str]]:
    # The node's folder, the programs and the images' layers are bound below /run before /var is covered, wherever on
    # disk they are.
    script = f"""
    set -e
    mount --make-rprivate /
    if mountpoint -q /sys/fs/cgroup/unified; then umount -l /sys/fs/cgroup/unified; fi
    mkdir -p "{root}/run"
    mount -n -t tmpfs -o mode=755,size=256m tmpfs "{root}/run"
    mkdir -p "{root}/run/survive/node" "{root}/run/survive/programs" "{root}{LAYERS}"
    mount -n --bind "{root}" "{root}/run/survive/node"
    mount -n --bind -o ro "{programs}" "{root}/run/survive/programs"
    mount -n --bind -o ro "{layers}" "{root}{LAYERS}"
    mount -n --move "{root}/run" /run
{_SYSCTLS}
    mount -n -t tmpfs -o mode=755,size=64m tmpfs /var/lib
    mount -n -t tmpfs -o mode=755,size=64m tmpfs /var/log
    mkdir -p /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers /run/survive/pods
    mkdir -p /run/survive/node/logs/pods
    mount -n --bind /run/survive/node/logs/pods /var/log/pods
    mount -n --bind /run/survive/node/containerd /var/lib/containerd
    """
    if node.small_disk:
        script += f"""
        truncate -s {DISK_MB}M /run/survive/node/disk.img
        mkfs.ext4 -q -F -m 0 /run/survive/node/disk.img
        mount -n -o loop /run/survive/node/disk.img /var/lib/kubelet
        """
    else:
        script += "mount -n --bind /run/survive/node/kubelet /var/lib/kubelet\n"
    script += "mount --make-rshared /\n"
    return [["sh", "-c", script]]


def link_name(node: Node) -> str:
    """The cluster's end of the link to a node."""
    return f"n{node.index}"


def _network(addresses: Addresses, node: Node) -> list[list[str]]:
    link = link_name(node)
    address = addresses.node(node.index)
    return [
        ["ip", "link", "set", "lo", "up"],
        ["sh", "-c", SETTINGS],
        ["outer", "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", "1"],
        ["outer", "ip", "link", "set", link, "master", BRIDGE, "up"],
        ["ip", "address", "add", f"{address}/24", "dev", "eth0"],
        ["ip", "link", "set", "eth0", "up"],
        ["ip", "route", "add", "default", "via", addresses.router],
        # What is sent to a pod that is gone ends here, as with the CNI plugins that people use; without this it would
        # go back to the router, and round and round.
        ["ip", "route", "add", "blackhole", addresses.pods_of(node.index)],
        ["outer", "ip", "route", "replace", addresses.pods_of(node.index), "via", address],
    ]


def _kubelet_command(addresses: Addresses, node: Node) -> list[str]:
    argv = [
        "kubelet",
        "--config=/run/survive/node/kubelet.json",
        "--kubeconfig=/run/survive/node/kubelet.kubeconfig",
        f"--hostname-override={node.name}",
        f"--node-ip={addresses.node(node.index)}",
    ]
    if node.labels:
        argv.append("--node-labels=" + ",".join(f"{key}={value}" for key, value in node.labels.items()))
    return argv


def _kube_proxy_command(addresses: Addresses, node: Node) -> list[str]:
    return [
        "kube-proxy",
        "--kubeconfig=/run/survive/node/kube-proxy.kubeconfig",
        "--proxy-mode=nftables",
        f"--hostname-override={node.name}",
        f"--cluster-cidr={addresses.pods}",
        "--conntrack-max-per-core=0",  # a limit of the machine, not of a network namespace
        "--oom-score-adj=0",  # a negative one needs CAP_SYS_RESOURCE, which root may lack
    ]


def _kubelet(folder: ClusterDir, addresses: Addresses, node: Node, cgroup: str) -> dict[str, Any]:
    pki = folder.pki
    name = f"node-{node.name}"
    root = folder.node(node.name)
    for source in (pki / "ca.crt", pki / f"{name}.crt", pki / f"{name}.key"):
        shutil.copy(source, root / source.name.replace(name, "kubelet"))
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "x509": {"clientCAFile": "/run/survive/node/ca.crt"},
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": "/run/survive/node/kubelet.crt",
        "tlsPrivateKeyFile": "/run/survive/node/kubelet.key",
        "clusterDNS": [addresses.dns],
        "clusterDomain": DOMAIN,
        "resolvConf": "/run/survive/node/resolv.conf",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "registerWithTaints": [_taint(text) for text in node.taints],
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"},
        "shutdownGracePeriod": "0s",
    }
    return config | QUICK | (SMALL_DISK if node.small_disk else {})


def _taint(text: str) -> dict[str, str]:
    pair, effect = text.split(":")
    key, _, value = pair.partition("=")
    return {"key": key, "value": value, "effect": effect}


def _cni(addresses: Addresses, node: Node) -> dict[str, Any]:
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": addresses.pods_of(node.index)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/var/lib/cni/networks",
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "mtu": 1500, "ipam": ipam}]}


def _write(path: pathlib.Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1))


KERNEL_SETTINGS = (
    ("vm/overcommit_memory", 1),
    ("vm/panic_on_oom", 0),
    ("kernel/panic", 10),
    ("kernel/panic_on_oops", 1),
    ("kernel/keys/root_maxkeys", 1000000),
    ("kernel/keys/root_maxbytes", 25000000),
)
"""What a kubelet would set for the whole machine. A node shows it these values, and so it leaves them alone."""

_SYSCTLS = "\n".join(
    f"    if [ -e /proc/sys/{path} ]; then echo {value} > /run/survive/{path.replace('/', '.')};"
    f" mount -n --bind /run/survive/{path.replace('/', '.')} /proc/sys/{path}; fi"
    for path, value in KERNEL_SETTINGS
)

_CONTAINERD = f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile",
]

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
# A negative score needs CAP_SYS_RESOURCE; without it every sandbox would fail.
restrict_oom_score_adj = true
# Its profile would be loaded into the machine's kernel, and stay there.
disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/run/survive/programs"]
conf_dir = "/run/survive/node/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
"""
