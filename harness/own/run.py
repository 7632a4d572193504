"""One path of a user's app, from its manifests to its verdict, by the scenario that our own rows use."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from harness import manifests
from harness.deploy import App, spread_on
from harness.disrupt.preempt import RESOURCE, requested
from harness.judge.expect import ErrorRate, Latency, NoErrors, NoOutage, Outage
from harness.judge.expect_lease import LeaseGap
from harness.judge.expectation import Expectation
from harness.judge.presence import NoneAvailable
from harness.load import MEASURE, Ask, Httpx, KeptAlive, NewConnections, Probe
from harness.own.paths import OwnPath
from harness.scenario import Scenario
from harness.spec import OwnApp, PathSettings, Requests

ROOM = "64Mi"
"""What pods ask for of their node's disk where a path needs that they ask for some."""

MS = 1000.0


def run_path(survive: Scenario, own: OwnApp, path: OwnPath, *further: Expectation) -> None:
    """Deploy the app unless it runs already, load it, restart it on the path, and judge by its limits and the rest.

    One that runs already is loaded only if it is asked something.
    """
    settings = own.spec.paths.get(path.name, PathSettings())
    own, app, node = _attached(survive, own) if own.namespace else _deployed(survive, own, path)
    with survive.load(app, **asked(own)) if _loaded(own) else nullcontext():
        if own.spec.lease:
            survive.wait_held(own.spec.lease)
        survive.restart(path.make(own, settings, node))
        if own.spec.lease:
            survive.wait_held(own.spec.lease)
    survive.expect(*expectations(own, settings), *further)


def _deployed(survive: Scenario, own: OwnApp, path: OwnPath) -> tuple[OwnApp, App, str]:
    """The app in the scenario's namespace, as the path needs it, and the node of its own, if it needs one."""
    app, node = as_app(own), ""
    if path.room:
        app = with_room(app)
    if path.own_node:
        added = survive.add_node()
        app, node = spread_on(app, added), added.name
    return own, survive.deploy(app, own.spec.ready), node


def _attached(survive: Scenario, own: OwnApp) -> tuple[OwnApp, App, str]:
    """The app as it runs, with what only the cluster could tell of it; it gets no node."""
    port = own.spec.requests.port if own.spec.requests else ""
    app = survive.attach(own.namespace, own.kind, own.workload, own.service or "", port)
    return replace(own, manifests=app.manifests, selector=app.selector), app, ""


def _loaded(own: OwnApp) -> bool:
    """Whether probers run: else only the pods of an app that runs already are watched."""
    return own.service is not None or not own.namespace


def as_app(own: OwnApp) -> App:
    """What is deployed."""
    return App(own.workload, own.manifests, own.service, own.port, own.selector, own.kind)


def with_room(app: App) -> App:
    """A copy whose pods ask for some of their node's disk, so that they take room that another may want."""
    (workload,) = [one for one in app.manifests if (one["kind"], one["metadata"]["name"]) == (app.kind, app.name)]
    if requested({"spec": manifests.pod_spec(workload)}, RESOURCE):
        return app
    first, *others = manifests.pod_spec(workload)["containers"]
    first = manifests.merged(first, {"resources": {"requests": {RESOURCE: ROOM}}})
    changed = manifests.merged(workload, {"spec": {"template": {"spec": {"containers": [first, *others]}}}})
    return replace(app, manifests=[changed if one is workload else one for one in app.manifests])


def asked(own: OwnApp) -> dict[str, Any]:
    """What is requested, how often and for how long, as `Scenario.load` takes it."""
    requests = own.spec.requests or Requests()
    headers = tuple(requests.headers.items())
    return {
        "ask": Ask(requests.path, requests.status, requests.method, headers, requests.body),
        "rate": requests.rate,
        "background": 0.0 if requests.scheme == "https" else requests.background,
        "probes": _probes(requests),
        "deadline_s": requests.timeout,
        "locustfile": own.base / requests.locustfile if requests.locustfile else "",
        "users": requests.users,
        "settle_s": own.spec.settle,
        "at_least_s": own.spec.duration,
    }


def _probes(requests: Requests) -> list[Probe]:
    """A new connection for each request, and kept ones if they are asked for."""
    https, kept = requests.scheme == "https", requests.kept_alive
    probes: list[Probe] = [Httpx(named=MEASURE) if https else NewConnections()]
    if kept:
        probes.append(Httpx(connections=kept) if https else KeptAlive(kept))
    return probes


def expectations(own: OwnApp, settings: PathSettings) -> list[Expectation]:
    """The limits as expectations: the path's own where it has any, else the file's, else that nothing is lost."""
    limits = settings.limits if settings.limits.given else own.spec.limits
    if not limits.given:
        return [NoErrors(), NoOutage()] if _loaded(own) else [_always_one(own, 0.0)]
    made: list[Expectation] = []
    if limits.errors is not None:
        made.append(ErrorRate(at_most=limits.errors))
    if limits.outage is not None:
        made.append(Outage(at_most_s=limits.outage) if _loaded(own) else _always_one(own, limits.outage))
    if limits.p99 is not None:
        made.append(Latency(p99_ms_at_most=limits.p99 * MS))
    if limits.failover is not None:
        made.append(LeaseGap(lease=own.spec.lease, at_most_s=limits.failover))
    return made


def _always_one(own: OwnApp, at_most_s: float) -> Expectation:
    """What stands for an outage where nothing is asked."""
    return NoneAvailable(labels=tuple(own.selector.items()), at_most_s=at_most_s)
