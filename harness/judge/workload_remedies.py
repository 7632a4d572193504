"""Remedies in manifests for what no request need show: a drain that is refused, a volume that is full, a node without
its daemon, a Job that works twice. Each makes one kind of advice, or says None where it does not fit.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from harness import patch
from harness.judge.hurt import Hurt
from harness.judge.piece import piece
from harness.look.availability import KEPT
from harness.look.budgets import allowed
from harness.manifests import Manifest
from harness.results import Advice
from harness.shape import at, dicts, name_of, whole

SETTLED_S: Final = 2
"""A new pod may be Ready for a moment, then not for a second: a surge must not go by the moment."""


def unblock(felt: Hurt) -> Advice | None:
    """A budget that lets a pod go, and one that is broken too."""
    workload, replicas = felt.workload, felt.shape.replicas(felt.workload)
    if not felt.refused or workload.kind not in KEPT:
        return None
    patches = []
    for budget in felt.shape.budgets(workload):
        spec = at(budget, "spec") or {}
        change: Manifest = {}
        if allowed(spec, replicas) == 0:
            change = {**({"minAvailable": None} if "minAvailable" in spec else {}), "maxUnavailable": 1}
        if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            change |= {"unhealthyPodEvictionPolicy": "AlwaysAllow"}
        if change:
            patches.append(patch.patch_of(budget, ("spec",), change))
    if not patches:
        return None
    names = ", ".join(name_of(one) for one in patches)
    return piece(
        felt, "budget-lets-go", f"let the PodDisruptionBudget {names} allow one eviction, and that of broken pods",
        "A budget that lets none go blocks every drain of a node, upgrades too. One that is left at IfHealthyBudget"
        " keeps a pod that never gets Ready, which serves nobody.",
        [f"its eviction was refused: {felt.refused}"], *patches,
    )  # fmt: skip


def larger_limit(felt: Hurt) -> Advice | None:
    """A volume that holds what is written."""
    volumes = [one for one in dicts(felt.workload.pod.get("volumes")) if one.get("name") in felt.filled]
    wider = [(one["name"], old, new) for one in volumes for old, new in _twice(at(one, "emptyDir", "sizeLimit"))]
    if not wider:
        return None
    change = {"volumes": [{"name": name, "emptyDir": {"sizeLimit": new}} for name, _, new in wider]}
    told = "; ".join(f"{name}: from {old} to {new}" for name, old, new in wider)
    return piece(
        felt, "size-limit", f"raise the emptyDir's sizeLimit above what the app writes ({told}), or let it write less",
        "A pod over the limit of a volume is evicted by its kubelet, without a drain and past every budget. The kubelet"
        " does not tell how much was written; measure it.",
        [f'the kubelet said that the volume "{name}" exceeds its limit of {old}' for name, old, _ in wider],
        patch.patch_of(felt.workload.manifest, felt.workload.path, change),
    )  # fmt: skip


def _twice(limit: Any) -> Iterator[tuple[str, str]]:
    """A quantity and twice as much, if it can be read."""
    if read := re.fullmatch(r"(\d+)([A-Za-z]*)", str(limit)):
        yield str(limit), f"{2 * int(read[1])}{read[2]}"


def surge(felt: Hurt) -> Advice | None:
    """A new daemon on each node before the old one goes."""
    workload = felt.workload
    rolling = at(workload.manifest, "spec", "updateStrategy", "rollingUpdate")
    ports = [port for one in (*workload.mains, *workload.sidecars) for port in one.ports]
    held = at(workload.pod, "hostNetwork") is True or any("hostPort" in port for port in ports)
    if not felt.unmanned_s or workload.kind != "DaemonSet" or at(rolling, "maxSurge") or held:
        return None
    settled = max(SETTLED_S, whole(at(workload.manifest, "spec", "minReadySeconds"), 0))
    rolled = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    change = {"minReadySeconds": settled, "updateStrategy": rolled}
    return piece(
        felt, "surge", f"update with maxSurge 1, maxUnavailable 0 and minReadySeconds {settled}",
        "The new pod of a node is then ready before the old one is stopped; for that moment two of them run there.",
        [f"a node was without an available pod of it for {felt.unmanned_s:.2f} s"],
        patch.patch_of(workload.manifest, ("spec",), change),
    )  # fmt: skip


def after_the_old(felt: Hurt) -> Advice | None:
    """A Job's replacement only after the old pod's end."""
    if not felt.together_s or at(felt.workload.manifest, "spec", "podReplacementPolicy") == "Failed":
        return None
    change = patch.patch_of(felt.workload.manifest, ("spec",), {"podReplacementPolicy": "Failed"})
    return piece(
        felt, "replace-after-end", "set podReplacementPolicy to Failed",
        "By default a Job replaces a pod that is being deleted while that still works; the other policy waits for its"
        " end.",
        [f"two of its pods worked at once for {felt.together_s:.2f} s"], change,
    )  # fmt: skip
