"""What a cluster allows a run to do, looked at without touching it: `survive doctor`.

Pure functions from what the API server tells to findings; only `examine` asks. Pods and namespaces are created with
`dryRun=All`: all of admission says what it would, and nothing is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from harness import manifests, rights, versions
from harness.disrupt import PATHS, Path, barred, does
from harness.errors import KubeError
from harness.images import OWN, Images
from harness.kube import Kube, Object, quantity
from harness.nodes import Nodes
from harness.rights import Right
from harness.taints import kept_off

State = Literal["ok", "warn", "bad"]

CORE = ("delete", "evict", "rollout", "crash", "handover")
"""The paths that every cluster can do whose user has the rights; without them a run makes no sense."""

APPS = ("server", "controller", "load", "signals")
"""The images that most rows use."""

ROOM_CORES, ROOM_BYTES = Decimal("0.7"), Decimal(400 * 2**20)
"""What a row's pods ask for in all: load, control, three replicas."""

MOST_TOLD = 50
"""A node tells of so many of its images, the largest (kubelet's nodeStatusMaxImages)."""

TOLD_AFTER_S = 60.0
"""The kubelet looks at its images each 30 s, and tells within 10 s; 40 s were seen."""

PSA = "pod-security.kubernetes.io/enforce"
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, and what to do if it is not well."""

    what: str
    state: State
    said: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class PathState:
    """A restart path: what it does, whether it is possible here, and if not why."""

    name: str
    does: str
    possible: bool
    why: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Its rows, by name, that this version of Kubernetes cannot do, and why."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. `fit`: a run's core paths are possible and nothing stands in its way."""

    provider: str
    context: str
    server: str
    version: str
    user: str
    findings: list[Finding] = field(default_factory=list)
    paths: list[PathState] = field(default_factory=list)

    @property
    def fit(self) -> bool:
        """Whether a run would work."""
        core = {path.name for path in self.paths if path.possible} >= set(CORE)
        return core and all(finding.state != "bad" for finding in self.findings)


def examine(
    kube: Kube, report: Report, images: Images, nodes: Nodes | None, listed: Sequence[str], labels: Mapping[str, str]
) -> Report:
    """Look at everything and fill the report. Nothing is changed."""
    lacking = {role: rights.missing(kube, rights.of_role(role)) for role in rights.ROLES}
    report.findings.append(of_rights(lacking[rights.EVERY_RUN]))
    gates = versions.gates_of(kube.metrics)
    version = versions.parse(report.version)
    report.findings.append(of_version(report.version))
    report.findings.append(of_gates(gates))
    if Right.read("list nodes") in lacking[rights.EVERY_RUN]:
        report.findings.append(Finding("nodes", "warn", "they may not be listed, so nothing is known of them"))
    else:
        machines = kube.list("v1", "Node")
        report.findings.append(of_nodes(machines))
        report.findings.append(of_listed(machines, listed, own=nodes is not None and nodes.breakable))
        if Right.read("list pods") not in lacking[rights.EVERY_RUN]:
            report.findings.append(of_room(machines, kube.list("v1", "Pod")))
        report.findings.extend(of_images(machines, images, datetime.now(UTC)))
    if Right.read("create namespaces") not in lacking[rights.EVERY_RUN]:
        report.findings.append(_namespace(kube, labels))
    found = [one for role in lacking.values() for one in role]
    report.paths.extend(of_path(path, nodes, found, version, gates) for path in PATHS)
    return report


def of_rights(lacking: Sequence[Right]) -> Finding:
    """What every run needs."""
    count = len(rights.of_role(rights.EVERY_RUN))
    if not lacking:
        return Finding("rights", "ok", f"all {count} that every run needs")
    return Finding("rights", "bad", f"missing: {', '.join(map(str, lacking))}", rights.told(lacking))


def of_version(text: str) -> Finding:
    """Whether this version of Kubernetes is one that rows are made for."""
    version, oldest, newest = versions.parse(text), versions.told(versions.OLDEST), versions.told(versions.BUILT_FOR)
    if version is None:
        return Finding("version", "warn", f"{text} cannot be read, so nothing is known of what it lacks")
    if version < versions.OLDEST:
        return Finding("version", "bad", f"{text} is older than {oldest}", f"{oldest} is the oldest that rows run on")
    if version > versions.BUILT_FOR:
        return Finding("version", "warn", f"{text} is newer than {newest}, the newest that rows were seen on")
    return Finding("version", "ok", f"{text}; rows are made for {oldest} to {newest}")


def of_gates(gates: Mapping[str, bool] | None) -> Finding:
    """The feature gates that paths need."""
    wanted = sorted({need.gate for need in versions.NEEDS if need.gate})
    if gates is None:
        said = "not known, as /metrics may not be read; they are taken for what they are by default"
        return Finding("feature gates", "ok", f"{', '.join(wanted)}: {said}")
    states = [f"{gate} {'on' if gates.get(gate) else 'off' if gate in gates else 'unknown to it'}" for gate in wanted]
    return Finding("feature gates", "ok", ", ".join(states))


def of_nodes(nodes: Sequence[Object]) -> Finding:
    """Whether there are nodes that take pods; what keeps pods off the others."""
    open_ = [node for node in nodes if _takes_pods(node)]
    others = [f"{node['metadata']['name']} ({kept_off(node)})" for node in nodes if not _takes_pods(node)]
    said = f"{len(open_)} of {len(nodes)} take any pod" + (f"; not {', '.join(others)}" if others else "")
    if not open_:
        return Finding("nodes", "bad", said, "uncordon a node, or take its taints away")
    if len(open_) == 1:
        return Finding("nodes", "warn", said, "load and app share one node, which makes measuring less sure: add one")
    return Finding("nodes", "ok", said)


def of_listed(nodes: Sequence[Object], listed: Sequence[str], *, own: bool = False) -> Finding:
    """The nodes that may be touched; `own`: the cluster adds nodes of its own for that."""
    if own:
        return Finding("node paths", "ok", "the cluster has a node of its own to give to a row that touches one")
    known = {node["metadata"]["name"] for node in nodes}
    if unknown := sorted(set(listed) - known):
        return Finding("node paths", "bad", f"no node is called {', '.join(unknown)}", "name one of the cluster's")
    said = f"may touch {', '.join(listed)}" if listed else "no node may be touched"
    return Finding("node paths", "ok", said)


def of_room(nodes: Sequence[Object], pods: Iterable[Object]) -> Finding:
    """Whether there is room for a row, by requests."""
    free = {node["metadata"]["name"]: _allocatable(node) for node in nodes if _takes_pods(node)}
    for pod in pods:
        if (name := pod["spec"].get("nodeName", "")) in free and not _over(pod):
            cores, octets = _requests(pod)
            free[name] = free[name][0] - cores, free[name][1] - octets
    cores = sum((one[0] for one in free.values()), Decimal(0))
    octets = sum((one[1] for one in free.values()), Decimal(0))
    said = f"{cores:.1f} cores and {octets / 2**30:.1f} GiB are not asked for; a row asks for {ROOM_CORES} cores"
    if cores < ROOM_CORES or octets < ROOM_BYTES:
        return Finding("room", "bad", said, "make room: pods of a row would stay Pending")
    return Finding("room", "ok", said)


def of_images(nodes: Sequence[Object], images: Images, now: datetime) -> list[Finding]:
    """Where the images are to come from."""
    taking = [node for node in nodes if _takes_pods(node)]
    there = {
        node["metadata"]["name"]: {text for image in _images(node) for text in image.get("names") or []}
        for node in taking
    }
    unsure = {node["metadata"]["name"] for node in taking if not _tells_all(node, now)}
    found = []
    for app in APPS:
        name = images.of(f"{OWN}{app}:dev")
        lacking = {node for node, names in there.items() if not _is_there(name, names)}
        having = len(there) - len(lacking)
        said = f"{name}: on {having} of {len(there)} nodes"
        if name.startswith(OWN) and lacking and lacking <= unsure:
            todo = "`survive doctor --pull` finds out by pods; or ask again in a minute"
            may = (
                f"{said}, but {', '.join(sorted(lacking))} may not tell of all images (new, or of {MOST_TOLD} or more)"
            )
            found.append(Finding(f"image {app}", "warn", may, todo))
        elif name.startswith(OWN) and lacking:
            todo = "build it from workloads/, push it, and name where it is by --image-registry or --image NAME=REF"
            found.append(Finding(f"image {app}", "bad", f"{said}, and no registry has that name", todo))
        else:
            found.append(Finding(f"image {app}", "ok", said + ("; the others pull it" if lacking else "")))
    return found


def _images(node: Object) -> list[Object]:
    return node.get("status", {}).get("images") or []


def _tells_all(node: Object, now: datetime) -> bool:
    """Whether an image that a node does not tell of is not there."""
    if len(_images(node)) >= MOST_TOLD:
        return False
    conditions = node.get("status", {}).get("conditions") or []
    since = [one["lastTransitionTime"] for one in conditions if one["type"] == "Ready" and "lastTransitionTime" in one]
    return not since or (now - datetime.fromisoformat(since[0])).total_seconds() > TOLD_AFTER_S


def _is_there(name: str, names: Iterable[str]) -> bool:
    """Nodes tell full names: Docker's short ones have its registry before them."""
    return any(one == name or one.endswith(f"/{name}") for one in names)


def of_namespace(labels: Mapping[str, str], refused: str) -> Finding:
    """How a new namespace would be: what admission refuses in it, what it demands of pods."""
    level = labels.get(PSA, "")
    level_said = f"Pod Security enforces {level!r} by a label" if level else "no Pod Security label"
    if refused:
        todo = "the message says which rule refused it: ask whoever made the rule, or set --namespace-label"
        return Finding("namespaces", "bad", f"a pod or namespace of ours is refused: {refused}", todo)
    said = f"{level_said}; admission lets our namespaces in"
    return Finding("namespaces", "ok", said)


def _namespace(kube: Kube, labels: Mapping[str, str]) -> Finding:
    meta = {"generateName": "survive-doctor-", "labels": {**labels, "app.kubernetes.io/managed-by": "pytest-survive"}}
    try:
        made = kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}, dry_run=True)
    except KubeError as exc:
        return of_namespace(labels, str(exc))
    return of_namespace(made["metadata"].get("labels") or {}, "")


def of_path(
    path: type[Path], nodes: Nodes | None, lacking: Iterable[Right], version: versions.Version | None,
    gates: Mapping[str, bool] | None,
) -> PathState:  # fmt: skip
    """Whether a path is possible, and which of its rows are not."""
    missing = [right for right in map(Right.read, path.rights) if right in set(lacking)]
    why = barred(path.on_nodes, nodes)
    if missing:
        why = rights.told(missing)
    names = {name for need in versions.NEEDS if need.path == path.name for _, name in need.rows}
    skipped = {name: one for name, one in versions.skipped(version, gates).items() if name in names}
    if path.gate and skipped:
        why = next(iter(skipped.values()))
    return PathState(path.name, does(path), not why, why, skipped)


def _takes_pods(node: Object) -> bool:
    return not kept_off(node)


def _allocatable(node: Object) -> tuple[Decimal, Decimal]:
    has = node["status"]["allocatable"]
    return quantity(has["cpu"]), quantity(has["memory"])


def _over(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _requests(pod: dict[str, Any]) -> tuple[Decimal, Decimal]:
    asked = [one.get("resources", {}).get("requests", {}) for one in manifests.pod_spec(pod)["containers"]]
    cores = sum((quantity(one.get("cpu", "0")) for one in asked), Decimal(0))
    return cores, sum((quantity(one.get("memory", "0")) for one in asked), Decimal(0))
