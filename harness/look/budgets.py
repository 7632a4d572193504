"""What PodDisruptionBudgets promise wrongly."""

from collections.abc import Iterator

from harness.look.availability import KEPT
from harness.look.found import Scene
from harness.manifests import Manifest
from harness.patch import patch_of
from harness.results import Finding
from harness.shape import Workload, at, counts, labels_of, name_of, object_of, share_of


def allowed(spec: Manifest, replicas: int) -> int | None:
    """How many evictions a budget allows while all pods are healthy; None if it does not say.

    Percents round up in both fields; a budget with neither field allows none (Kubernetes' disruption controller).
    """
    if (most := spec.get("maxUnavailable")) is not None:
        share = share_of(most, replicas, up=True)
        return None if share is None else min(share, replicas)
    if (least := spec.get("minAvailable")) is not None:
        share = share_of(least, replicas, up=True)
        return None if share is None else max(0, replicas - share)
    return 0


def blocks(scene: Scene) -> Iterator[Finding]:
    """Budgets that never allow an eviction."""
    for number, budget in scene.shape.of_kind("PodDisruptionBudget"):
        for workload in (one for one in scene.shape.workloads if counts(budget, one) and one.kind in KEPT):
            replicas, spec = scene.shape.replicas(workload), at(budget, "spec") or {}
            if replicas and allowed(spec, replicas) == 0:
                field = next((one for one in ("maxUnavailable", "minAvailable") if one in spec), "")
                change = {"minAvailable": None, "maxUnavailable": 1}
                kept = {key: value for key, value in change.items() if value is not None or key in spec}
                patches = [patch_of(budget, ("spec",), kept)]
                if replicas == 1:
                    patches.append(patch_of(workload.manifest, ("spec",), {"replicas": 2}))
                what = (
                    f"{object_of(budget)}: {f'{field} {spec[field]}' if field else 'neither field'} of {replicas} pods"
                    f" of {object_of(workload.manifest)} lets none go"
                )
                yield scene.found("budget-blocks", number, ("spec", field) if field else ("spec",), what, *patches)


def matching(scene: Scene) -> Iterator[Finding]:
    """Budgets that count nothing, and pods that two budgets count."""
    budgets = scene.shape.of_kind("PodDisruptionBudget")
    for number, budget in budgets:
        if scene.shape.workloads and not any(counts(budget, one) for one in scene.shape.workloads):
            labels = scene.shape.workloads[0].labels
            change = patch_of(budget, ("spec", "selector"), {"matchLabels": labels})
            what = f"{object_of(budget)}: its selector matches no pod template among these manifests"
            yield scene.found("budget-matches-nothing", number, ("spec", "selector"), what, change)
    for workload in scene.shape.workloads:
        those = [(number, one) for number, one in budgets if counts(one, workload)]
        for number, budget in those[1:]:
            both = f"{object_of(budget)} and {object_of(those[0][1])}"
            what = f"{both} count the pods of {object_of(workload.manifest)}"
            lines = f"# delete one of them: kubectl delete pdb {name_of(budget)}\n"
            yield scene.found("budgets-overlap", number, ("spec", "selector"), what, paste=lines)


def missing(scene: Scene) -> Iterator[Finding]:
    """Replicas behind a Service that no budget counts."""
    for workload in scene.served():
        if workload.kind in KEPT and scene.shape.replicas(workload) > 1 and not scene.shape.budgets(workload):
            what = f"{object_of(workload.manifest)}: no budget counts its {scene.shape.replicas(workload)} pods"
            yield scene.found("no-budget", workload.number, ("spec", "replicas"), what, budget_of(workload))


def budget_of(workload: Workload) -> Manifest:
    """A budget that lets one pod of a workload go at a time, broken ones always."""
    labels = labels_of(at(workload.manifest, "spec", "selector", "matchLabels")) or workload.labels
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": workload.name},
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels},
        },
    }


def guards_broken(scene: Scene) -> Iterator[Finding]:
    """Budgets that may keep broken pods from being evicted."""
    for number, budget in scene.shape.of_kind("PodDisruptionBudget"):
        if at(budget, "spec", "unhealthyPodEvictionPolicy") != "AlwaysAllow":
            change = patch_of(budget, ("spec",), {"unhealthyPodEvictionPolicy": "AlwaysAllow"})
            what = f"{object_of(budget)}: unhealthyPodEvictionPolicy is IfHealthyBudget"
            yield scene.found("budget-guards-broken", number, ("spec",), what, change)
