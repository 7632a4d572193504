"""What manifests promise wrongly of how many pods are there."""

from collections.abc import Iterator

from harness.look.found import Scene
from harness.manifests import Manifest
from harness.patch import patch_of
from harness.results import Finding
from harness.shape import Workload, at, labels_of, object_of, share_of, whole

KEPT = ("Deployment", "StatefulSet")
"""The kinds that keep as many pods as `replicas` says."""

CREATE_FIRST: Manifest = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
"""A strategy by which a new pod is ready before an old one goes."""


def one_replica(scene: Scene) -> Iterator[Finding]:
    """One pod behind a Service."""
    for workload in scene.served():
        if workload.kind in KEPT and scene.shape.replicas(workload) == 1:
            path = ("spec", "replicas")
            change = patch_of(workload.manifest, ("spec",), {"replicas": 2})
            yield scene.found(
                "one-replica", workload.number, path, f"{object_of(workload.manifest)} is one pod", change
            )


def strategy(scene: Scene) -> Iterator[Finding]:
    """A rollout that leaves no pod."""
    for workload in scene.served():
        if workload.kind != "Deployment":
            continue
        change = patch_of(workload.manifest, ("spec", "strategy"), CREATE_FIRST)
        said = at(workload.manifest, "spec", "strategy")
        replicas = scene.shape.replicas(workload)
        unavailable = share_of(at(said, "rollingUpdate", "maxUnavailable"), replicas, up=False)
        if at(said, "type") == "Recreate":
            what = f"{object_of(workload.manifest)} is behind a Service with the strategy Recreate"
            yield scene.found("recreate", workload.number, ("spec", "strategy"), what, change)
        elif unavailable is not None and unavailable >= replicas > 0:
            path = ("spec", "strategy", "rollingUpdate", "maxUnavailable")
            what = f"{object_of(workload.manifest)}: maxUnavailable lets {unavailable} of {replicas} pods go at once"
            yield scene.found("unavailable-all", workload.number, path, what, change)


def no_spread(scene: Scene) -> Iterator[Finding]:
    """Replicas that nothing keeps on different nodes."""
    for workload in scene.served():
        if workload.kind not in KEPT or scene.shape.replicas(workload) < 2:
            continue
        if not at(workload.pod, "topologySpreadConstraints") and not at(workload.pod, "affinity", "podAntiAffinity"):
            change = patch_of(workload.manifest, workload.path, spread(workload))
            what = (
                f"{object_of(workload.manifest)}: nothing spreads its {scene.shape.replicas(workload)} pods over nodes"
            )
            yield scene.found("no-spread", workload.number, workload.path, what, change)


def spread(workload: Workload) -> Manifest:
    """What makes a pod prefer a node with fewer of its kind."""
    labels = labels_of(at(workload.manifest, "spec", "selector", "matchLabels")) or workload.labels
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    return {"topologySpreadConstraints": [constraint]}


def min_ready_zero(scene: Scene) -> Iterator[Finding]:
    """A Deployment that trusts a new pod's first ready answer."""
    for workload in scene.served():
        known = at(workload.manifest, "spec", "minReadySeconds")
        if workload.kind == "Deployment" and not whole(known, 0) and scene.shape.replicas(workload) > 1:
            change = patch_of(workload.manifest, ("spec",), {"minReadySeconds": 5})
            what = f"{object_of(workload.manifest)}: minReadySeconds is 0"
            yield scene.found("min-ready-zero", workload.number, ("spec",), what, change)
