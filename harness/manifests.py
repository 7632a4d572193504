"""The workloads' manifests, and small pure changes of manifests. A manifest is a dict as in JSON."""

import copy
import pathlib
from collections.abc import Iterable
from typing import Any

import yaml

Manifest = dict[str, Any]

_WORKLOADS = pathlib.Path(__file__).parent.parent / "workloads"


def load(workload: str) -> list[Manifest]:
    """The manifests of one of our workloads: server, controller or load."""
    return [doc for doc in yaml.safe_load_all((_WORKLOADS / workload / "manifests.yaml").read_text()) if doc]


def of_kind(manifests: Iterable[Manifest], kind: str) -> Manifest:
    """The one manifest of a kind. Raises ValueError if there is none or more than one."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def renamed(manifests: Iterable[Manifest], old: str, new: str) -> list[Manifest]:
    """A copy in which every name, label and reference that is exactly `old` is `new`."""
    return [_renamed(manifest, old, new) for manifest in manifests]


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return new if value == old else value


def merged(manifest: Manifest, change: Manifest) -> Manifest:
    """A copy with `change` laid over it as by a JSON merge patch: dicts merge, all else is replaced, None removes."""
    result = copy.deepcopy(manifest)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


_KEPT: dict[str, Any] = {
    **dict.fromkeys(("apiVersion", "kind")),
    "metadata": dict.fromkeys(("name", "namespace", "labels")),
    "spec": {
        **dict.fromkeys(("replicas", "strategy", "updateStrategy", "minReadySeconds", "podManagementPolicy")),
        **dict.fromkeys(("selector", "ports", "type")),  # a Service's
        **dict.fromkeys(("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy")),  # a budget's
        **dict.fromkeys(("minReplicas", "maxReplicas", "scaleTargetRef")),  # an autoscaler's
        **dict.fromkeys(("parallelism", "podReplacementPolicy")),  # a Job's
    },
}
_POD: dict[str, Any] = {
    **dict.fromkeys(("terminationGracePeriodSeconds", "topologySpreadConstraints", "affinity", "priorityClassName")),
    **dict.fromkeys(("hostNetwork", "shareProcessNamespace")),
    "volumes": {"name": None, "emptyDir": {"sizeLimit": None}},
}
_CONTAINER = dict.fromkeys(
    ("name", "image", "command", "args", "ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle",
     "restartPolicy", "resizePolicy")
)  # fmt: skip
_KINDS = (
    "Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"
)  # fmt: skip


def essential(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Of manifests what matters to restarts; no environment, no ConfigMap or Secret, of volumes the limits."""
    pod = {**_POD, "containers": _CONTAINER, "initContainers": _CONTAINER}
    template = {"metadata": {"labels": None}, "spec": pod}
    spec = {**_KEPT["spec"], "template": template}
    kept = {**_KEPT, "spec": spec}
    return [
        _only(one, {**kept, "spec": pod} if one["kind"] == "Pod" else kept)
        for one in manifests
        if one["kind"] in _KINDS
    ]


def _only(value: Any, fields: dict[str, Any] | None) -> Any:
    """A copy of a value with these fields alone; None keeps all of it."""
    if isinstance(value, list):
        return [_only(one, fields) for one in value]
    if fields is None or not isinstance(value, dict):
        return copy.deepcopy(value)
    return {key: _only(item, fields[key]) for key, item in value.items() if key in fields}


def pod_spec(workload: Manifest) -> Manifest:
    """The pod's spec in a manifest of a Pod, or of what has a template."""
    spec: Manifest = workload["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def main_container(workload: Manifest) -> Manifest:
    """The first main container."""
    container: Manifest = pod_spec(workload)["containers"][0]
    return container
