"""Whether a workload is whole: how many pods it wants, and what its controller says that it lacks."""

from typing import Any, Final

Workload = dict[str, Any]

API_VERSIONS: Final = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1", "Pod": "v1",
}  # fmt: skip
"""The kinds of workload that are known here; a bare pod is one of one."""

_COUNTS: Final = {
    "Deployment": ("updatedReplicas", "readyReplicas", "replicas"),
    "StatefulSet": ("updatedReplicas", "readyReplicas", "replicas"),
    "DaemonSet": ("updatedNumberScheduled", "numberReady", "currentNumberScheduled"),
    "Job": ("active", "ready"),
}
"""The fields of a status that are all as many as wanted once the workload is whole."""


def wanted_replicas(workload: Workload) -> int:
    """How many pods it wants at once."""
    spec, status = workload["spec"], workload.get("status", {})
    if workload["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled") or 0)
    return int(spec.get("parallelism" if workload["kind"] == "Job" else "replicas", 1))


def lacking(workload: Workload) -> str:
    """What it lacks to be whole, all its pods of the last template; empty if nothing."""
    status, kind = workload.get("status", {}), workload["kind"]
    if kind == "Pod":
        return "" if is_ready(status) else "it is not Ready"
    # A Job has no observedGeneration: its template never changes.
    if kind != "Job" and int(status.get("observedGeneration") or 0) < int(workload["metadata"]["generation"]):
        return "its controller has not seen the last change yet"
    wanted = wanted_replicas(workload)
    counts = {what: int(status.get(what) or 0) for what in _COUNTS[kind]}
    if all(count == wanted for count in counts.values()):
        return ""
    return f"of {wanted} wanted: " + ", ".join(f"{what} {count}" for what, count in counts.items())


def is_ready(status: Workload) -> bool:
    """Whether the status of a pod, or of a node, says Ready."""
    return any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or [])
