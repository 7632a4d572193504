"""Remedies in manifests: each makes one kind of advice of what was felt, or says None where it does not fit."""

import math
from typing import Final

from harness import patch
from harness.judge.hurt import DRAINABLE, Hurt
from harness.judge.piece import piece
from harness.look.availability import CREATE_FIRST, KEPT, spread
from harness.look.budgets import budget_of
from harness.look.probes import asks, gives_up_s, handler
from harness.look.stops import DRAIN_S
from harness.manifests import Manifest
from harness.results import Advice
from harness.shape import Container, at, share_of

MARGIN_S: Final = 2
"""Beyond the measured drain: one restart is one sample, and kube-proxy's pause of a second falls as it may."""

LEAST_SLEEP_S: Final = 3
SHUTDOWN_S: Final = 10
"""What a process gets to stop by itself after its sleep."""

LOOKS_S: Final = 1
"""Where readiness looks each second and gives up at once, the endpoint leaves within so long, and routing follows."""


def _abrupt(felt: Hurt) -> bool:
    """Whether work in flight was cut as the signal came."""
    cuts = felt.in_flight.cuts if felt.in_flight else []
    return any(one.after_signal_s is not None and one.after_signal_s < 1 for one in cuts)


def pre_stop(felt: Hurt) -> Advice | None:
    """A preStop sleep as long as the drain that was measured, and the work in flight that was cut."""
    measured = bool(felt.groups.keys() & DRAINABLE) or _abrupt(felt)
    if not (measured or felt.refused) or not felt.shape.services(felt.workload):
        return None
    drain_s = felt.drain_s or 0.0
    needed = max(LEAST_SLEEP_S, math.ceil(drain_s + MARGIN_S + (felt.in_flight_s if _abrupt(felt) else 0)))
    sleeps = _sleeps(felt, needed if measured else DRAIN_S)
    changed = [(one, sleep) for one, sleep in sleeps if sleep > (one.pre_stop_s or 0)]
    if not measured:
        changed = [(one, sleep) for one, sleep in changed if one.pre_stop_s is None]
    if not changed:
        return None
    change = _slept(felt, changed)
    told = ", ".join(f"{sleep} s" + (f" in {one.name}" if len(sleeps) > 1 else "") for one, sleep in changed)
    evidence = [f"the last request that a pod on its way out lost was sent {drain_s:.2f} s after its deletion"]
    if not measured:
        evidence = ["no pod went, so no drain was measured: where one may go, its signal must wait for routing"]
    if _abrupt(felt):
        evidence.append(f"work in flight took up to {felt.in_flight_s:.1f} s, and was cut at the signal")
    return piece(
        felt, "pre-stop-sleep", f"add preStop.sleep {told}",
        "The stop signal waits until routing has followed the endpoint's removal, and what is under way is done; an app"
        " that serves on by itself after the signal needs none.",
        evidence, change,
    )  # fmt: skip


def _sleeps(felt: Hurt, needed: int) -> list[tuple[Container, int]]:
    """How long each container has to sleep: what a Service sends to, as needed; what stands behind it, longer."""
    serving = [one for one, _ in felt.shape.serving(felt.workload)]
    fronts = [one for one in serving if not one.is_sidecar]
    slept = max([needed, *(one.pre_stop_s or 0 for one in fronts)]) if fronts else needed
    behind = [one for one in felt.workload.mains if one.path not in [front.path for front in fronts]]
    found = [(one, slept) for one in fronts]
    # A native sidecar in front is stopped last, so that what is behind it needs no more than the drain.
    return found + [(one, max(one.pre_stop_s or 0, slept + 1 if fronts else needed)) for one in behind]


def _slept(felt: Hurt, changed: list[tuple[Container, int]]) -> Manifest:
    """The patch by which containers sleep, and have time left to stop."""
    containers = [{"name": one.name, **patch.sleeping(one, sleep)} for one, sleep in changed]
    pod: Manifest = {"containers": containers}
    longest = max(sleep for _, sleep in changed) + SHUTDOWN_S
    if longest > felt.workload.grace_s:
        pod = {"terminationGracePeriodSeconds": longest, **pod}
    return patch.patch_of(felt.workload.manifest, felt.workload.path, pod)


def readiness(felt: Hurt) -> Advice | None:
    """A readiness probe for what a Service sends to."""
    bare = [(one, port) for one, port in felt.shape.serving(felt.workload) if at(one.spec, "readinessProbe") is None]
    if not bare:
        return None
    patches = [patch.container_patch(felt.workload, one, {"readinessProbe": asks(port)}) for one, port in bare]
    early = [f"a new pod was Ready {felt.unlistened_s:.2f} s before it listened"] if felt.unlistened_s else []
    return piece(
        felt, "readiness-probe", f"add a readinessProbe to {', '.join(one.name for one, _ in bare)}",
        "A pod then gets requests, and lets a rollout go on, only once it answers. Better than the open port: a path of"
        " the app's that answers only when it can work.",
        early, *patches,
    )  # fmt: skip


def second_replica(felt: Hurt) -> Advice | None:
    """A second pod, on another node, where there is one."""
    workload = felt.workload
    if workload.kind not in KEPT or felt.shape.replicas(workload) != 1 or not felt.shape.services(workload):
        return None
    change: Manifest = {"replicas": 2}
    if not at(workload.pod, "topologySpreadConstraints") and not at(workload.pod, "affinity", "podAntiAffinity"):
        change["template"] = {"spec": spread(workload)}
    why = "The only pod went, or was down, before another could answer."
    evidence = [f"nobody answered for {felt.longest_s:.2f} s"]
    if felt.refused:
        why = "Of an only pod a budget can but forbid each eviction, or allow that nobody answers meanwhile."
        evidence = [f"its eviction was refused: {felt.refused}"]
    return piece(
        felt, "second-replica", "run 2 replicas, on two nodes", why, evidence,
        patch.patch_of(workload.manifest, ("spec",), change),
    )  # fmt: skip


def bridge(felt: Hurt) -> Advice | None:
    """Replicas on different nodes, where all of several went at once."""
    workload = felt.workload
    spread_out = at(workload.pod, "topologySpreadConstraints") or at(workload.pod, "affinity", "podAntiAffinity")
    if spread_out or workload.kind not in KEPT or felt.shape.replicas(workload) < 2:
        return None
    change = patch.patch_of(workload.manifest, workload.path, spread(workload))
    return piece(
        felt, "spread", "spread the replicas over nodes", "All pods went with one node, or at one moment.", [], change
    )


def create_first(felt: Hurt) -> Advice | None:
    """A rollout that has a new pod ready before an old one goes."""
    workload = felt.workload
    said = at(workload.manifest, "spec", "strategy")
    replicas = felt.shape.replicas(workload)
    unavailable = share_of(at(said, "rollingUpdate", "maxUnavailable"), replicas, up=False) or 0
    if workload.kind != "Deployment" or (at(said, "type") != "Recreate" and unavailable < replicas):
        return None
    what = (
        "replace the strategy Recreate by RollingUpdate" if at(said, "type") == "Recreate" else "lower maxUnavailable"
    )
    change = patch.patch_of(workload.manifest, ("spec", "strategy"), CREATE_FIRST)
    return piece(
        felt, "create-first", f"{what}, maxSurge 1, maxUnavailable 0",
        "A new pod is then ready before an old one is stopped. Where two versions must not run at once, that has to be"
        " solved in the app or its data; the gap cannot be.",
        [f"no pod answered for {felt.longest_s:.2f} s"], change,
    )  # fmt: skip


def budget(felt: Hurt) -> Advice | None:
    """A budget, where a drain took several at once."""
    workload = felt.workload
    if workload.kind not in KEPT or felt.shape.replicas(workload) < 2 or felt.shape.budgets(workload):
        return None
    return piece(
        felt, "budget", "add a PodDisruptionBudget, maxUnavailable 1",
        "A drain then evicts the next pod only once the last one's replacement is Ready.", [], budget_of(workload),
    )  # fmt: skip


def readiness_first(felt: Hurt) -> Advice | None:
    """Readiness that fails before liveness does, so that the endpoint has left before the container is stopped."""
    patches, told = [], []
    for container, _ in felt.shape.serving(felt.workload):
        probe = at(container.spec, "livenessProbe")
        asked = handler(probe)
        if asked is None:
            continue
        period = at(probe, "periodSeconds") or 10
        failures = max(at(probe, "failureThreshold") or 3, math.ceil((LOOKS_S + LEAST_SLEEP_S) / period) + 1)
        ready = at(container.spec, "readinessProbe")
        if handler(ready) == asked and gives_up_s(ready) + LEAST_SLEEP_S <= gives_up_s(probe):
            continue
        old = {
            kind: None
            for kind in (ready or {})
            if kind in ("httpGet", "tcpSocket", "grpc", "exec") and kind != asked[0]
        }
        first = {**old, asked[0]: asked[1], "periodSeconds": 1, "failureThreshold": 1}
        change = {"readinessProbe": first, "livenessProbe": {"failureThreshold": failures}}
        patches.append(patch.container_patch(felt.workload, container, change))
        told.append(f"{container.name}: readiness after 1 s, liveness after {period * failures} s")
    if not patches:
        return None
    return piece(
        felt, "readiness-first", f"let readiness fail before liveness ({'; '.join(told)})",
        "A restart by the liveness probe drains nothing, preStop or not: the endpoint has to leave before it, by a"
        " readiness probe that fails of the same. Where readiness has a check of its own, let that look at this too.",
        [], *patches,
    )  # fmt: skip


def in_place(felt: Hurt) -> Advice | None:
    """A resize without a restart."""
    patches = []
    for container in (*felt.workload.mains, *felt.workload.sidecars):
        rules = container.spec.get("resizePolicy") or []
        if any(at(one, "restartPolicy") == "RestartContainer" for one in rules):
            change = {"resizePolicy": [{**one, "restartPolicy": "NotRequired"} for one in rules]}
            patches.append(patch.container_patch(felt.workload, container, change))
    if not patches:
        return None
    return piece(
        felt, "resize-in-place", "set resizePolicy to NotRequired",
        "The limits then change under the running process; an app that reads them only at its start does not see it.",
        [], *patches,
    )  # fmt: skip


def wider_grace(felt: Hurt) -> Advice | None:
    """A grace period that lets work in flight, and streams, come to their end."""
    cuts = [*(felt.in_flight.cuts if felt.in_flight else []), *(cut for one in felt.streams for cut in one.cuts)]
    grace = felt.workload.grace_s
    late = [one for one in cuts if one.after_signal_s is not None and one.after_signal_s >= max(1.0, grace - 2.0)]
    if not late:
        return None
    longest = max(felt.in_flight_s, max(one.age_s for one in late))
    needed = math.ceil(grace + longest + SHUTDOWN_S)
    change = patch.patch_of(felt.workload.manifest, felt.workload.path, {"terminationGracePeriodSeconds": needed})
    return piece(
        felt, "grace-period", f"raise terminationGracePeriodSeconds from {grace} to {needed}",
        "What is under way at the end of the grace period is cut by SIGKILL.",
        [f"{len(late)} were cut {late[0].after_signal_s:.1f} s after the signal, up to {longest:.1f} s old"], change,
    )  # fmt: skip
