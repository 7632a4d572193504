"""The shape of an app, read from its manifests: its workloads, and the Services and budgets that are about them.

Pure, and as tolerant as it can be: manifests are of people, so any field may be missing or of another type.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import UsageError
from harness.manifests import Manifest

TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where each kind of workload has its pods' template."""

DEFAULT_GRACE_S: Final = 30


def at(value: Any, *path: str | int) -> Any:
    """What is found below a value; None where the path leads nowhere."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def dicts(value: Any) -> list[Manifest]:
    """The dicts in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def labels_of(value: Any) -> dict[str, str]:
    """A dict of labels; empty where it is none."""
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector chooses these labels; an empty one chooses all, none chooses nothing."""
    if not isinstance(selector, dict):
        return False
    wanted = labels_of(selector.get("matchLabels"))
    return wanted.items() <= labels.items() and all(
        _holds(one, labels) for one in dicts(selector.get("matchExpressions"))
    )


def _holds(expression: Manifest, labels: dict[str, str]) -> bool:
    key, values = str(expression.get("key")), [str(one) for one in expression.get("values") or []]
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(str(expression.get("operator")), False)


def whole(value: Any, default: int) -> int:
    """A field's whole number; it may be left out, or be nonsense."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def share_of(value: Any, total: int, *, up: bool) -> int | None:
    """An IntOrString of a total, percents rounded up or down; None if it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        exact = int(value[:-1]) * total
        return math.ceil(exact / 100) if up else exact // 100
    return None


@dataclass(frozen=True, slots=True)
class Container:
    """A container and where it stands below the pod's spec: ("containers", 0)."""

    spec: Manifest
    path: tuple[str | int, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec.get("name", ""))

    @property
    def is_sidecar(self) -> bool:
        """Whether it is a native sidecar: an init container that stays."""
        return self.path[0] == "initContainers" and self.spec.get("restartPolicy") == "Always"

    @property
    def ports(self) -> list[Manifest]:
        """The ports that it declares."""
        return dicts(self.spec.get("ports"))

    @property
    def pre_stop_s(self) -> int | None:
        """How long its preStop hook sleeps; 0 for a hook whose length is not known, None without one."""
        hook = at(self.spec, "lifecycle", "preStop")
        if not isinstance(hook, dict):
            return None
        if (native := at(hook, "sleep", "seconds")) is not None:
            return whole(native, 0)
        return slept_s(at(hook, "exec", "command"))


def slept_s(command: Any) -> int:
    """How long a command sleeps, as far as its words tell: ["sleep", "5"], ["sh", "-c", "sleep 5; nginx -s quit"]."""
    words = " ".join(map(str, command)).replace(";", " ").replace("&", " ").split() if isinstance(command, list) else []
    after = [words[n + 1] for n, word in enumerate(words[:-1]) if word.rpartition("/")[2] == "sleep"]
    return sum(int(float(one.rstrip("s"))) for one in after if one.rstrip("s").replace(".", "", 1).isdigit())


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload's manifest; `path` leads to its pods' spec."""

    manifest: Manifest
    number: int
    path: tuple[str | int, ...]

    @property
    def kind(self) -> str:
        """Deployment, StatefulSet, …"""
        return str(self.manifest.get("kind"))

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.manifest)

    @property
    def pod(self) -> Manifest:
        """Its pods' spec; empty if it has none."""
        found = at(self.manifest, *self.path)
        return found if isinstance(found, dict) else {}

    @property
    def labels(self) -> dict[str, str]:
        """Its pods' labels."""
        return labels_of(at(self.manifest, *self.path[:-1], "metadata", "labels"))

    @property
    def grace_s(self) -> int:
        """Its pods' grace period."""
        return whole(self.pod.get("terminationGracePeriodSeconds"), DEFAULT_GRACE_S)

    @property
    def mains(self) -> list[Container]:
        """Its main containers."""
        return [Container(one, ("containers", n)) for n, one in enumerate(dicts(self.pod.get("containers")))]

    @property
    def sidecars(self) -> list[Container]:
        """Its native sidecars."""
        inits = [Container(one, ("initContainers", n)) for n, one in enumerate(dicts(self.pod.get("initContainers")))]
        return [one for one in inits if one.is_sidecar]


@dataclass(frozen=True, slots=True)
class Shape:
    """All manifests of an app."""

    manifests: list[Manifest]
    workloads: list[Workload] = field(default_factory=list)

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> "Shape":
        """Read the workloads."""
        found = list(manifests)
        workloads = [
            Workload(one, number, (*TEMPLATES[str(one["kind"])], "spec"))
            for number, one in enumerate(found)
            if one.get("kind") in TEMPLATES
        ]
        return cls(found, workloads)

    def of_kind(self, kind: str) -> list[tuple[int, Manifest]]:
        """The manifests of a kind with their numbers."""
        return [(number, one) for number, one in enumerate(self.manifests) if one.get("kind") == kind]

    def services(self, workload: Workload) -> list[Manifest]:
        """The Services that send to a workload's pods."""
        return [one for _, one in self.of_kind("Service") if sends_to(one, workload)]

    def budgets(self, workload: Workload) -> list[Manifest]:
        """The budgets that count a workload's pods."""
        return [one for _, one in self.of_kind("PodDisruptionBudget") if counts(one, workload)]

    def replicas(self, workload: Workload) -> int:
        """How many pods a workload wants at least: an autoscaler's least number where it has one."""
        for _, one in self.of_kind("HorizontalPodAutoscaler"):
            target = at(one, "spec", "scaleTargetRef")
            if (at(target, "kind"), at(target, "name")) == (workload.kind, workload.name):
                return whole(at(one, "spec", "minReplicas"), 1)
        return whole(at(workload.manifest, "spec", "replicas"), 1)

    def serving(self, workload: Workload) -> list[tuple[Container, int | str]]:
        """The containers that a workload's Services send to, each with the port that they send to."""
        found: list[tuple[Container, int | str]] = []
        everyone = [*workload.mains, *workload.sidecars]
        for target in (target_of(port) for one in self.services(workload) for port in ports_of(one)):
            those = [one for one in everyone if has_port(one, target)]
            if not those and isinstance(target, int) and len(workload.mains) == 1:
                those = workload.mains
            found += [(one, target) for one in those if one.path not in [known.path for known, _ in found]]
        return found


def name_of(manifest: Manifest) -> str:
    """A manifest's name; empty if it has none."""
    return str(at(manifest, "metadata", "name") or "")


def object_of(manifest: Manifest) -> str:
    """An object in words: Deployment/server."""
    return f"{manifest.get('kind')}/{name_of(manifest)}"


def sends_to(service: Manifest, workload: Workload) -> bool:
    """Whether a Service's selector chooses a workload's pods."""
    selector = labels_of(at(service, "spec", "selector"))
    return bool(selector) and same_namespace(service, workload.manifest) and selector.items() <= workload.labels.items()


def counts(budget: Manifest, workload: Workload) -> bool:
    """Whether a budget's selector chooses a workload's pods."""
    return same_namespace(budget, workload.manifest) and selects(at(budget, "spec", "selector"), workload.labels)


def same_namespace(one: Manifest, other: Manifest) -> bool:
    """Whether two objects are in one namespace, as far as they say."""
    here, there = at(one, "metadata", "namespace"), at(other, "metadata", "namespace")
    return here is None or there is None or here == there


def ports_of(service: Manifest) -> list[Manifest]:
    """A Service's ports."""
    return dicts(at(service, "spec", "ports"))


def port_of(service: Manifest, wanted: int | str) -> int:
    """The port of a Service that is meant, by number or name; its first for "". Raises UsageError, which names all."""
    ports = ports_of(service)
    for one in ports:
        if wanted in ("", one["port"], str(one["port"]), one.get("name")):
            return int(one["port"])
    there = ", ".join(f"{one['port']}" + (f" ({one['name']})" if "name" in one else "") for one in ports) or "none"
    raise UsageError(f"the Service {name_of(service)} has no port {wanted}; it has {there}")


def target_of(port: Manifest) -> int | str:
    """The pods' port that a Service's port leads to: its targetPort, else the same number."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, str):
        return int(target) if target.isdigit() else target
    return whole(target, 0)


def has_port(container: Container, target: int | str) -> bool:
    """Whether a container declares a port, by number or name."""
    return any(target in (one.get("containerPort"), one.get("name")) for one in container.ports)
