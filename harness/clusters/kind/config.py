"""What a kind cluster of ours is like, as kind's own configuration; pure.

One control plane, whose controllers elect their leaders; a node for load; two for what is tested; and a spare one, with
a disk of its own where that can be, which is lent to one row at a time and may be broken.
"""

import pathlib
from dataclasses import dataclass
from typing import Any, Final

import yaml

from harness import versions
from harness.clusters.embedded.node import QUICK, SMALL_DISK

WORKERS: Final = 4
SPARE: Final = "survive.dev/spare"
"""The taint of the spare node, which keeps off whatever it was not lent to."""

LOAD_LABELS: Final = {"survive.dev/role": "load"}
SPARE_LABELS: Final = {SPARE: "true"}
_TAINTED: Final = {1: "survive.dev/load", WORKERS: SPARE}
_LABELS: Final = {1: LOAD_LABELS, WORKERS: SPARE_LABELS}

KUBELET: Final = "/var/lib/kubelet"
PATCHES: Final = "/survive/patches"
"""Where the spare node has the patch of its kubelet's settings, which kubeadm reads."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cluster is made by. `version` is that of Kubernetes if it is known.

    `disk` is a folder on a small disk for the spare node's kubelet, `patches` one with what `kubelet_patch` gives;
    both or neither.
    """

    name: str
    version: versions.Version | None = None
    disk: pathlib.Path | None = None
    patches: pathlib.Path | None = None


def node(cluster: str, number: int) -> str:
    """The name that kind gives to a worker, from 1, and to the control plane, 0."""
    if number == 0:
        return f"{cluster}-control-plane"
    return f"{cluster}-worker{number if number > 1 else ''}"


def load_node(cluster: str) -> str:
    """The name of the node for load."""
    return node(cluster, 1)


def spare(cluster: str) -> str:
    """The name of the spare node."""
    return node(cluster, WORKERS)


def config(plan: Plan) -> dict[str, Any]:
    """The configuration of kind."""
    kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False, **QUICK}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": plan.name,
        "networking": {"kubeProxyMode": "nftables"},
        "featureGates": versions.to_enable(plan.version),
        "kubeadmConfigPatches": [_text(kubelet)],
        "nodes": [{"role": "control-plane"}, *(_worker(plan, number) for number in range(1, WORKERS + 1))],
    }


def _worker(plan: Plan, number: int) -> dict[str, Any]:
    worker: dict[str, Any] = {"role": "worker"}
    join: dict[str, Any] = {"kind": "JoinConfiguration"}
    if labels := _LABELS.get(number):
        worker["labels"] = dict(labels)
    if key := _TAINTED.get(number):
        join["nodeRegistration"] = {"taints": [{"key": key, "effect": "NoSchedule"}]}
    if number == WORKERS and plan.disk and plan.patches:
        join["patches"] = {"directory": PATCHES}
        worker["extraMounts"] = [
            {"hostPath": str(plan.disk), "containerPath": KUBELET},
            {"hostPath": str(plan.patches), "containerPath": PATCHES, "readOnly": True},
        ]
    if len(join) > 1:
        worker["kubeadmConfigPatches"] = [_text(join)]
    return worker


def kubelet_patch() -> tuple[str, str]:
    """The name and text of the file by which kubeadm changes the settings of one kubelet alone."""
    return "kubeletconfiguration0+merge.yaml", _text(SMALL_DISK)


def _text(value: dict[str, Any]) -> str:
    return str(yaml.safe_dump(value, sort_keys=False))
