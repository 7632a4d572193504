"""A user's own app, found in its manifests: what is restarted, by which Service it is reached, and what it has."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.manifests import Manifest, pod_spec
from harness.shape import port_of
from harness.spec.document import Document, Where, load_spec, near
from harness.spec.models import ENDINGS, KINDS, Attach, Limits, Spec
from harness.spec.objects import deployable, template_of, with_images
from harness.spec.sources import read_source

POLITE = {"rate": 20.0, "background": 0.0}
"""What an app that runs already is asked, where the file says nothing: others use it too."""


@dataclass(frozen=True, slots=True)
class OwnApp:
    """An app with its spec. `manifests` are fit for a namespace of a scenario's own, in order.

    `service` is None if nobody calls it; `port` is the Service's, 0 without one. `selector` names the workload's pods.
    Of one that runs already in `namespace` the cluster tells manifests, port and selector, once it is restarted.
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
    namespace: str = ""
    """Where it runs already; empty if it is deployed from manifests."""

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
    locustfile = spec.requests.locustfile if spec.requests else ""
    if locustfile and not (base / locustfile).is_file():
        raise _error(document, ("requests", "locustfile"), f"there is no file {locustfile} in {base}")
    if spec.attach:
        return _running(name, spec, spec.attach, base, document)
    manifests = _manifests(spec, base, document)
    service = _service(spec, manifests, document)
    workload = _workload(spec, manifests, service, document)
    unasked = "the manifests have no Service that requests could go to"
    _check_limits(spec, document, asked=service is not None, unasked=unasked)
    if service is None and not spec.lease:
        raise _error(document, ("manifests",), "they have no Service and no `lease` is named: nothing can be judged")
    return OwnApp(
        name, spec, manifests, workload["kind"], workload["metadata"]["name"], _selector(workload, document),
        service["metadata"]["name"] if service else None, _port(spec, service, document), document, base,
    )  # fmt: skip


def _running(name: str, spec: Spec, attach: Attach, base: pathlib.Path, document: Document | None) -> OwnApp:
    """An app that runs already. Without `requests` it is asked nothing, and its pods are watched."""
    unasked = "it needs `requests`, by which it would be known"
    _check_limits(spec, document, asked=spec.requests is not None, unasked=unasked)
    requests = spec.requests
    if requests:
        unsaid = {field: value for field, value in POLITE.items() if field not in requests.model_fields_set}
        spec = spec.model_copy(update={"requests": requests.model_copy(update=unsaid)})
    service = requests.service if requests else None
    return OwnApp(name, spec, [], attach.kind, attach.name, {}, service, 0, document, base, namespace=attach.namespace)


def _manifests(spec: Spec, base: pathlib.Path, document: Document | None) -> list[Manifest]:
    """What is deployed, in order."""
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
        return with_images(manifests, spec.images)
    except UsageError as exc:
        raise _error(document, (where,), str(exc)) from exc


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


def _check_limits(spec: Spec, document: Document | None, *, asked: bool, unasked: str) -> None:
    """Each limit must be of something that is measured, and a lease needs one; `unasked`: why nothing is asked."""
    placed: list[tuple[Where, Limits]] = [(("limits",), spec.limits)]
    placed += [(("paths", name, "limits"), one.limits) for name, one in spec.paths.items()]
    # Without requests the time without a pod of an app that runs already is an outage.
    of_requests = ("errors", "p99") if spec.attach else ("outage", "errors", "p99")
    for where, limits in placed:
        given = [name for name in of_requests if getattr(limits, name) is not None]
        if given and not asked:
            raise _error(document, (*where, given[0]), unasked)
        if limits.failover is not None and not spec.lease:
            raise _error(document, (*where, "failover"), "it needs `lease: NAME`, the Lease that the leader holds")
    if spec.lease and not any(limits.failover is not None for _, limits in placed):
        example = "limits: {failover: 25s}"
        raise _error(document, ("lease",), f"it needs a limit: how long nobody may hold it; for example `{example}`")


def _port(spec: Spec, service: Manifest | None, document: Document | None) -> int:
    if service is None:
        return 0
    try:
        return port_of(service, spec.requests.port if spec.requests else "")
    except UsageError as exc:
        raise _error(document, ("requests", "port"), str(exc)) from exc
