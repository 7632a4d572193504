"""A user's own app, found in its manifests: what is restarted, by which Service it is reached, and what it has."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.manifests import Manifest, pod_spec
from harness.spec.document import Document, Where, load_spec, near
from harness.spec.models import ENDINGS, Limits, Spec
from harness.spec.objects import deployable, template_of, with_images
from harness.spec.sources import read_source

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds of workload that can be restarted."""


@dataclass(frozen=True, slots=True)
class OwnApp:
    """An app with its spec. `manifests` are fit for a namespace of a scenario's own, in order.

    `service` is None if nobody calls it; `port` is the Service's, 0 without one. `selector` names the workload's pods.
    """

    name: str
    spec: Spec
    manifests: list[Manifest]
    kind: str
    workload: str
    selector: dict[str, str]
    service: str | None = None
    port: int = 0
    document: Document | None = field(default=None, compare=False)
    base: pathlib.Path = pathlib.Path()
    """The folder from which files are named."""

    @property
    def object(self) -> Manifest:
        """The workload's manifest."""
        (found,) = [
            one for one in self.manifests if (one["kind"], one["metadata"]["name"]) == (self.kind, self.workload)
        ]
        return found

    @property
    def replicas(self) -> int:
        """How many pods it wants; of a DaemonSet it is not known, and is 1 here."""
        return 1 if self.kind == "DaemonSet" else int(self.object["spec"].get("replicas", 1))

    @property
    def containers(self) -> list[Manifest]:
        """Its main containers."""
        found: list[Manifest] = pod_spec(self.object)["containers"]
        return found


def load_app(path: pathlib.Path) -> OwnApp:
    """The app of a spec's file. Raises SpecError: file, line, field, and what would be right."""
    spec, document = load_spec(path)
    name = spec.name or _plain_name(path)
    return find_app(name, spec, path.parent, document)


def find_app(name: str, spec: Spec, base: pathlib.Path, document: Document | None = None) -> OwnApp:
    """The app of a spec, whose manifests are named from the folder `base`."""
    objects: list[Manifest] = []
    for number, source in enumerate(spec.manifests):
        try:
            objects += read_source(source, base)
        except UsageError as exc:
            raise _error(document, ("manifests", number), str(exc)) from exc
    try:
        where = "manifests"
        manifests = deployable(objects, spec.cluster_objects)
        where = "images"
        manifests = with_images(manifests, spec.images)
    except UsageError as exc:
        raise _error(document, (where,), str(exc)) from exc
    service = _service(spec, manifests, document)
    workload = _workload(spec, manifests, service, document)
    _check_limits(spec, service, document)
    locustfile = spec.requests.locustfile if spec.requests else ""
    if locustfile and not (base / locustfile).is_file():
        raise _error(document, ("requests", "locustfile"), f"there is no file {locustfile} in {base}")
    return OwnApp(
        name, spec, manifests, workload["kind"], workload["metadata"]["name"], _selector(workload, document),
        service["metadata"]["name"] if service else None, _port(spec, service, document), document, base,
    )  # fmt: skip


def _plain_name(path: pathlib.Path) -> str:
    """A file's name without its ending, as a name of Kubernetes."""
    stem = next((path.name.removesuffix(end) for end in ENDINGS if path.name.endswith(end)), path.stem)
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in stem.lower()).strip("-")[:40] or "app"


def _error(document: Document | None, where: Where, problem: str) -> UsageError:
    return document.error(where, problem) if document else UsageError(problem)


def _service(spec: Spec, manifests: Sequence[Manifest], document: Document | None) -> Manifest | None:
    """The Service that requests go to; None if there is none and none is asked for."""
    services = {one["metadata"]["name"]: one for one in manifests if one["kind"] == "Service"}
    if spec.requests is None and not services:
        return None
    where: Where = ("requests", "service") if spec.requests else ("manifests",)
    wanted = spec.requests.service if spec.requests else ""
    if wanted:
        if wanted not in services:
            hint = near(wanted, sorted(services)) if services else "the manifests have none"
            raise _error(document, where, f"there is no Service {wanted}; {hint}")
        return _with_selector(services[wanted], document, where)
    called = [one for one in services.values() if one["spec"].get("clusterIP") != "None"] or list(services.values())
    if not called:
        raise _error(document, ("requests",), "the manifests have no Service to send requests to; leave `requests` out")
    if len(called) > 1:
        names = ", ".join(one["metadata"]["name"] for one in called)
        raise _error(document, where, f"there are several Services, {names}: name one by `requests: {{service: …}}`")
    return _with_selector(called[0], document, where)


def _with_selector(service: Manifest, document: Document | None, where: Where) -> Manifest:
    if not service["spec"].get("selector"):
        name = service["metadata"]["name"]
        raise _error(
            document, where, f"the Service {name} has no selector, so that no pods of these manifests serve it"
        )
    return service


def _workload(
    spec: Spec, manifests: Sequence[Manifest], service: Manifest | None, document: Document | None
) -> Manifest:
    """What is restarted: as it is named, else the one behind the Service, else the only one."""
    found = {f"{one['kind']}/{one['metadata']['name']}": one for one in manifests if one["kind"] in KINDS}
    if not found:
        raise _error(document, ("manifests",), f"the manifests have none of {', '.join(KINDS)}: nothing to restart")
    if spec.workload:
        if spec.workload not in found:
            raise _error(document, ("workload",), f"there is no {spec.workload}; {near(spec.workload, sorted(found))}")
        return found[spec.workload]
    fit = found
    if service:
        selector = service["spec"]["selector"]
        fit = {name: one for name, one in found.items() if selector.items() <= _labels(one).items()}
        if not fit:
            text = ", ".join(f"{key}={value}" for key, value in selector.items())
            name = service["metadata"]["name"]
            raise _error(
                document, ("requests", "service"),
                f"no workload is behind the Service {name}: the pods of none have the labels {text};"
                f" there are {', '.join(found)}",
            )  # fmt: skip
    if len(fit) > 1:
        behind = f" behind the Service {service['metadata']['name']}" if service else ""
        first = next(iter(fit))
        raise _error(
            document, ("workload",), f"several workloads are{behind or ' there'}: {', '.join(fit)}; name one by"
            f" `workload: {first}`",
        )  # fmt: skip
    return next(iter(fit.values()))


def _labels(workload: Manifest) -> dict[str, str]:
    return dict((template_of(workload).get("metadata") or {}).get("labels") or {})


def _selector(workload: Manifest, document: Document | None) -> dict[str, str]:
    """The labels by which its pods are known; its own selector's, which must not be empty."""
    chosen = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    title = f"{workload['kind']} {workload['metadata']['name']}"
    if not chosen:
        raise _error(document, ("manifests",), f"{title} has no spec.selector.matchLabels: its pods cannot be told")
    if not chosen.items() <= _labels(workload).items():
        raise _error(document, ("manifests",), f"{title}: its selector does not match the labels of its own template")
    return dict(chosen)


def _check_limits(spec: Spec, service: Manifest | None, document: Document | None) -> None:
    """Each limit must be of something that is measured, and something must be."""
    placed: list[tuple[Where, Limits]] = [(("limits",), spec.limits)]
    placed += [(("paths", name, "limits"), one.limits) for name, one in spec.paths.items()]
    for where, limits in placed:
        of_requests = [name for name in ("outage", "errors", "p99") if getattr(limits, name) is not None]
        if of_requests and service is None:
            raise _error(document, (*where, of_requests[0]), "the manifests have no Service that requests could go to")
        if limits.failover is not None and not spec.lease:
            raise _error(document, (*where, "failover"), "it needs `lease: NAME`, the Lease that the leader holds")
    if service is None and not spec.lease:
        raise _error(document, ("manifests",), "they have no Service and no `lease` is named: nothing can be judged")
    if spec.lease and not any(limits.failover is not None for _, limits in placed):
        example = "limits: {failover: 25s}"
        raise _error(document, ("lease",), f"it needs a limit: how long nobody may hold it; for example `{example}`")


def _port(spec: Spec, service: Manifest | None, document: Document | None) -> int:
    if service is None:
        return 0
    ports = service["spec"].get("ports") or []
    wanted = spec.requests.port if spec.requests else ""
    for one in ports:
        if wanted in ("", one["port"], str(one["port"]), one.get("name")):
            return int(one["port"])
    there = ", ".join(f"{one['port']}" + (f" ({one['name']})" if "name" in one else "") for one in ports) or "none"
    raise _error(
        document,
        ("requests", "port"),
        f"the Service {service['metadata']['name']} has no port {wanted}; it has {there}",
    )
