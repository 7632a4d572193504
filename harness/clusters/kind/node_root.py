"""What a node of a kind cluster has on disk besides the distribution's packages: programs, settings, manifests."""

import pathlib
from typing import Final

from harness.clusters.embedded.node import KERNEL_SETTINGS
from harness.clusters.embedded.programs import KUBERNETES
from harness.clusters.kind import archive

FILES: Final = pathlib.Path(__file__).parent / "node"
PACKAGES: Final = "apt,busybox-static,ca-certificates,conntrack,iproute2,iptables,nftables,procps,runc"
PROGRAMS: Final = ("containerd", "containerd-shim-runc-v2", "ctr", "kubectl", "kubelet")
PLUGINS: Final = ("host-local", "loopback", "portmap", "ptp")

CONFIG: Final = {"Entrypoint": ["/kind/bin/entrypoint"], "StopSignal": "SIGUSR2"}
"""How the image runs. The signal is that by which busybox's init stops everything and ends."""


def layer(target: pathlib.Path, programs: pathlib.Path, kubeadm: pathlib.Path, pause: str) -> pathlib.Path:
    """Write the layer; `pause` is the image that holds a pod's namespaces."""
    return archive.layer(target, files(programs, kubeadm, pause))


def files(programs: pathlib.Path, kubeadm: pathlib.Path, pause: str) -> dict[str, pathlib.Path | bytes]:
    """All files and folders by their names in the image."""
    settings = "".join(f"{path} {value}\n" for path, value in KERNEL_SETTINGS)
    return {
        "etc/containerd/config.toml": (FILES / "containerd.toml").read_text().replace("${PAUSE}", pause).encode(),
        "etc/inittab": FILES / "inittab",
        "etc/machine-id": b"",  # each node makes its own
        "kind/bin": FILES / "bin",
        "kind/kernel-settings": settings.encode(),
        "kind/manifests": FILES / "manifests",
        "kind/version": f"{KUBERNETES}\n".encode(),
        "usr/local/bin/kubeadm": kubeadm,
        "usr/local/bin/systemctl": FILES / "systemctl",
        **{f"usr/local/bin/{name}": programs / name for name in PROGRAMS},
        **{f"opt/cni/bin/{name}": programs / name for name in PLUGINS},
    }
