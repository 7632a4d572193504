"""Pods, as a watch of v1 Pod gives them, as records."""

from typing import Any

from harness.kube import Object, time_ns
from harness.records import Condition, ContainerSeen, PodSeen


def pod_seen(t_ns: int, change: str, pod: Object) -> PodSeen:
    """A pod's record; its main containers come first, then its init containers and sidecars."""
    meta, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    found = conditions(status)
    statuses = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    return PodSeen(
        t_ns=t_ns,
        change=change,
        name=meta["name"],
        uid=meta["uid"],
        node=spec.get("nodeName", ""),
        ip=status.get("podIP", ""),
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        ready=any(condition.type == "Ready" and condition.status == "True" for condition in found),
        deletion_ns=time_ns(meta.get("deletionTimestamp")),
        grace_s=meta.get("deletionGracePeriodSeconds"),
        labels=dict(meta.get("labels") or {}),
        conditions=found,
        containers=[container_seen(item) for item in statuses],
    )


def conditions(status: Object) -> list[Condition]:
    """The conditions in a pod's or a node's status."""
    return [
        Condition(
            type=item["type"],
            status=item["status"],
            reason=item.get("reason") or "",
            message=item.get("message") or "",
            since_ns=time_ns(item.get("lastTransitionTime")),
        )
        for item in status.get("conditions") or []
    ]


def container_seen(status: Object) -> ContainerSeen:
    """A container's status; it has exactly one state, and may have a last one that was terminated."""
    state: dict[str, Any] = status.get("state") or {}
    name = next(iter(state), "waiting")
    now: dict[str, Any] = state.get(name) or {}
    last: dict[str, Any] = (status.get("lastState") or {}).get("terminated") or {}
    return ContainerSeen(
        name=status["name"],
        id=status.get("containerID") or "",
        restarts=int(status.get("restartCount") or 0),
        state=name,
        ready=bool(status.get("ready")),
        reason=now.get("reason") or "",
        exit_code=now.get("exitCode"),
        signal=now.get("signal"),
        started_ns=time_ns(now.get("startedAt")),
        finished_ns=time_ns(now.get("finishedAt")),
        last_reason=last.get("reason") or "",
        last_exit_code=last.get("exitCode"),
        last_started_ns=time_ns(last.get("startedAt")),
        last_finished_ns=time_ns(last.get("finishedAt")),
        stop_signal=status.get("stopSignal") or "",
    )
