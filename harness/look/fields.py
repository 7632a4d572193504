"""Fields that stand where Kubernetes knows none of that name."""

import difflib
from collections.abc import Iterator
from typing import Final

import yaml

from harness.look.found import Scene
from harness.results import Finding
from harness.shape import Workload, at


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONTAINER: Final = _names(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy"
    " resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath"
    " terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
POD: Final = _names(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks"
    " ephemeralContainers evictionResponders hostAliases hostIPC hostNetwork hostPID hostUsers hostname"
    " hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority"
    " priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName"
    " schedulingGates schedulingGroup securityContext serviceAccount serviceAccountName setHostnameAsFQDN"
    " shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes"
    " workloadRef"
)
SPECS: Final[dict[str, frozenset[str]]] = {
    "Deployment": _names(
        "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy template"
    ),
    "StatefulSet": _names(
        "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas"
        " revisionHistoryLimit selector serviceName template updateStrategy volumeClaimTemplates"
    ),
    "DaemonSet": _names("minReadySeconds revisionHistoryLimit selector template updateStrategy"),
}
PROBE: Final = _names(
    "exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold tcpSocket"
    " terminationGracePeriodSeconds timeoutSeconds"
)
LIFECYCLE: Final = frozenset(["postStart", "preStop", "stopSignal"])
HANDLER: Final = frozenset(["exec", "httpGet", "sleep", "tcpSocket"])
"""The fields that Kubernetes 1.37 knows (its types of core/v1 and apps/v1)."""


def ignored(scene: Scene) -> Iterator[Finding]:
    """Unknown fields of workloads, their pods, containers, probes and hooks."""
    for workload in scene.shape.workloads:
        for path, known in _places(workload):
            here = at(workload.manifest, *path)
            for name in (str(key) for key in here if key not in known) if isinstance(here, dict) else ():
                yield _ignored(scene, workload, (*path, name))


def _places(workload: Workload) -> Iterator[tuple[tuple[str | int, ...], frozenset[str]]]:
    """Every place of a workload whose fields are all known."""
    if workload.kind in SPECS:
        yield ("spec",), SPECS[workload.kind]
        yield workload.path[:-1], frozenset(["metadata", "spec"])
    yield workload.path, POD
    for group in ("containers", "initContainers"):
        found = workload.pod.get(group)
        for number in range(len(found) if isinstance(found, list) else 0):
            path = (*workload.path, group, number)
            yield path, CONTAINER
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                yield (*path, probe), PROBE
            yield (*path, "lifecycle"), LIFECYCLE
            for hook in ("preStop", "postStart"):
                yield (*path, "lifecycle", hook), HANDLER


def _ignored(scene: Scene, workload: Workload, path: tuple[str | int, ...]) -> Finding:
    name = str(path[-1])
    home = _home(workload, name, path[:-1])
    kind, where = workload.kind, ".".join(map(str, path[:-1]))
    value = at(workload.manifest, *path)
    if home is not None:
        what = f"{name} stands in {where}, where it is ignored; it belongs in {home}"
        lines = f"# {name} moved from {where} to {home}:\n" + yaml.safe_dump({name: value}, sort_keys=False)
    elif near := difflib.get_close_matches(name, _known_at(workload, path[:-1]), n=1):
        what = f"{kind} has no field {name} in {where}; {near[0]} is meant?"
        lines = f"# in {where}\n" + yaml.safe_dump({near[0]: value}, sort_keys=False)
    else:
        what, lines = f"{kind} has no field {name} in {where}", f"# remove {name} from {where}\n"
    return scene.found("field-ignored", workload.number, path, what, paste=lines)


def _known_at(workload: Workload, path: tuple[str | int, ...]) -> frozenset[str]:
    return next(known for place, known in _places(workload) if place == path)


def _home(workload: Workload, name: str, here: tuple[str | int, ...]) -> str | None:
    """Where a field of this name belongs, if it is one of those that are put in the wrong place."""
    spec = ".".join(map(str, workload.path))
    homes = [
        (SPECS.get(workload.kind, frozenset()), ("spec",), "spec"),
        (POD, workload.path, spec),
        (CONTAINER - {"resources", "name"}, (*workload.path, "containers"), f"{spec}.containers[]"),
        (frozenset(["podAffinity", "podAntiAffinity", "nodeAffinity"]), (), f"{spec}.affinity"),
        (frozenset(["maxSurge", "maxUnavailable"]), (), "spec.strategy.rollingUpdate"),
        (LIFECYCLE, (), f"{spec}.containers[].lifecycle"),
    ]
    return next((words for known, place, words in homes if name in known and place != here), None)
