"""The advice on a bad variant of the matrix, applied to its manifests, makes it good: each is run before and after.

Where only the app's code can help, the advice says so, and the sample app's own switch stands for the code.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from harness.deploy import App, controller, framework, placed, proxied, server
from harness.disrupt import (
    Crash,
    CrashLeader,
    Delete,
    DeletePastBudget,
    Drain,
    Evict,
    FailLiveness,
    FlapReadiness,
    FreezeLeader,
    Handover,
    Path,
    Preempt,
    Resize,
    Rollout,
    ScaleDown,
    Taint,
)  # fmt: skip
from harness.judge.advice import apply
from harness.judge.expect import NoErrors, NoOutage, SomeErrors
from harness.judge.expect_leaders import Failover, NoOverlap, Overlap
from harness.judge.expect_probes import InFlightCut, NoInFlightFailed, NoLostWork, NoReusedBroken, ReusedBroken
from harness.judge.expectation import Expectation
from harness.judge.routing import Silence
from harness.load import InFlight, KeptAlive, NewConnections
from harness.manifests import main_container, merged
from harness.results import Result
from harness.scenario import Row, Scenario
from harness.session import Session

Change = Callable[[App], App]
LOOK_S = 4.4 + 0.5
"""One look of a standby by client-go's defaults, and latency."""


@dataclass(frozen=True)
class Case:
    """A bad variant, how it is restarted, what is to be seen of it, and what of the mended one."""

    row: str
    path: str
    app: Callable[[], App]
    restart: Callable[[App], Path]
    bad: tuple[Expectation, ...] = (SomeErrors(),)
    good: tuple[Expectation, ...] = (NoErrors(), NoOutage())
    load: Mapping[str, Any] = field(default_factory=dict)
    again: Callable[[App], Path] | None = None
    """How the mended one is restarted, where that is another way."""
    code: Mapping[str, Change] = field(default_factory=dict)
    """By an advice's code: what stands for the change of the app's code."""
    node: bool = False
    """It has a node of its own, which is what is restarted."""
    leads: bool = False
    alone: str = ""


def with_args(*more: str, without: tuple[str, ...] = ()) -> Change:
    """The sample app told otherwise: further arguments, the last of which hold, and some left out."""

    def change(app: App) -> App:
        def told(manifest: dict[str, Any]) -> dict[str, Any]:
            container = main_container(manifest)
            args = [one for one in container["args"] if one not in without] + list(more)
            others = manifest["spec"]["template"]["spec"]["containers"][1:]
            pod = {"containers": [{**container, "args": args}, *others]}
            return merged(manifest, {"spec": {"template": {"spec": pod}}})

        made = [
            told(one) if (one["kind"], one["metadata"]["name"]) == (app.kind, app.name) else one
            for one in app.manifests
        ]
        return replace(app, manifests=made)

    return change


def delete(app: App, count: int = 1) -> Path:
    return Delete(app.selector, count=count)


def two(app: App) -> Path:
    return delete(app, 2)


def rollout(app: App) -> Path:
    return Rollout(app.name, app.selector)


def on_node(app: App) -> Path:
    raise AssertionError("its path is of a node, which is not there yet")


def resized() -> App:
    app = server(replicas=1, grace_s=10)
    main_container(app.manifests[0])["resizePolicy"] = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    return app


LIVENESS = {"periodSeconds": 1, "failureThreshold": 1}
ROOM = {"requests": {"cpu": "20m", "memory": "24Mi", "ephemeral-storage": "64Mi"}}
FLYING = {"background": 0, "probes": [NewConnections(), InFlight(takes_s=(1, 5))]}
KEPT = {"background": 0, "probes": (NewConnections(), KeptAlive(connections=20, looks=False))}
SILENT = ["--drain-s", "3", "--no-close-on-drain", "--shutdown-s", "1"]
SLOW = ["--startup-delay-s", "2"]
EXPIRED = (Failover(at_least_s=12, at_most_s=25, reason="the lease has to expire"),)
RELEASED = (Failover(at_most_s=LOOK_S, reason="one look of up to 4.4 s, and latency"), NoOverlap())
SHORT = {"lease_s": 6.0, "renew_s": 4.0, "retry_s": 1.0}
BY_SHORT = Failover(at_most_s=6 + 2 * 2.2 + 0.5, reason="6 s + two looks of up to 2.2 s, and latency")

CASES: dict[str, Case] = {
    "rollout-naive": Case("B1", "rollout", lambda: server(replicas=1, args=SLOW, probes=False), rollout),
    "delete-none": Case("B2", "delete", lambda: server(replicas=3), two),
    "fallback-unready": Case(
        "B3", "delete",
        lambda: server(
            replicas=1, pre_stop_s=2, args=["--startup-delay-s", "6", "--unready-on-signal", "--drain-s", "12"]
        ),
        delete,
    ),
    "rollout-recreate": Case("B4", "rollout", lambda: server(replicas=2, recreate=True, args=SLOW), rollout),
    "liveness-one": Case(
        "B5", "liveness", lambda: server(replicas=1, liveness=LIVENESS, pre_stop_s=2, grace_s=10),
        lambda app: FailLiveness(app.selector),
    ),
    "liveness-two": Case(
        "B5", "liveness", lambda: server(replicas=2, liveness=LIVENESS, pre_stop_s=2, grace_s=10),
        lambda app: FailLiveness(app.selector),
    ),
    "readiness-flap-alone": Case(
        "B7", "readiness", lambda: server(replicas=1), lambda app: FlapReadiness(app.selector, for_s=5.0)
    ),
    "container-exit-only": Case(
        "B8", "crash", lambda: server(replicas=1), lambda app: Crash(app.selector),
        good=(SomeErrors(), Silence(at_most_s=1.0, reason="the other pod carries on; the rest is for clients")),
    ),
    "inflight-abrupt": Case(
        "B9", "delete", lambda: server(replicas=2, args=["--no-graceful"]), delete, bad=(InFlightCut(),),
        good=(NoErrors(), NoInFlightFailed(), NoLostWork()), load=FLYING,
    ),
    "inflight-grace-short": Case(
        "B9", "delete", lambda: server(replicas=2, args=["--drain-s", "2"], grace_s=3), delete, bad=(InFlightCut(),),
        good=(NoErrors(), NoInFlightFailed(), NoLostWork()),
        load={"background": 0, "probes": [NewConnections(), InFlight(takes_s=(4, 5))]},
    ),
    "proxy-order-app-first": Case("B11", "delete", lambda: proxied(replicas=3, nginx_pre_stop_s=4), two),
    "proxy-order-proxy-undrained": Case("B11", "delete", lambda: proxied(replicas=3, app_pre_stop_s=4), two),
    "proxy-order-sidecar": Case("B11", "delete", lambda: proxied(replicas=3, nginx_pre_stop_s=4, sidecar=True), two),
    "sleep-short": Case("B12", "delete", lambda: server(replicas=3, pre_stop_s=0), two),
    "keepalive-delete-silent": Case(
        "B13", "delete", lambda: server(replicas=2, args=SILENT), delete, bad=(ReusedBroken(),),
        good=(NoErrors(), NoReusedBroken()), load=KEPT,
        code={"connection-close": with_args(without=("--no-close-on-drain",))},
    ),
    "server-uvicorn": Case("B14", "delete", lambda: framework("uvicorn", hardened=False), two),
    "server-gunicorn": Case("B14", "delete", lambda: framework("gunicorn", hardened=False), two),
    "server-nginx": Case("B14", "delete", lambda: framework("nginx", hardened=False), two),
    "server-go": Case("B14", "delete", lambda: framework("go", hardened=False), two),
    "delete-ignores-pdb": Case(
        "C3", "delete-past-budget", lambda: server(replicas=2, budget={"minAvailable": 2}),
        lambda app: DeletePastBudget(app.selector),
    ),
    "evict-before-recreate": Case(
        "C4", "evict", lambda: server(replicas=1, args=SLOW, budget={"maxUnavailable": 1}),
        lambda app: Evict(app.selector),
    ),
    "preempt-one": Case(
        "C7", "preempt", lambda: server(replicas=1, resources=ROOM, budget={"minAvailable": 1}),
        lambda app: Preempt(app.selector, image="survive.dev/server:dev"), alone="preemption",
    ),
    "drain-unguarded": Case("C12", "drain", lambda: server(replicas=2), on_node, node=True),
    "taint": Case("C8", "taint", lambda: server(replicas=2), on_node, node=True),
    "handover-expiry": Case(
        "D1", "handover", lambda: controller(release=False), lambda app: Handover(app.name, app.selector), EXPIRED,
        RELEASED, code={"release-on-cancel": with_args("--release", without=("--no-release",))}, leads=True,
    ),
    "handover-crash": Case(
        "D3", "leader-crash", lambda: controller(release=True, hand="signals"),
        lambda app: CrashLeader(app.name, app.selector), EXPIRED, (BY_SHORT, NoOverlap()),
        code={"shorter-lease": with_args("--lease-s", "6", "--renew-s", "4", "--retry-s", "1")}, leads=True,
    ),
    "handover-rollout-unreleased": Case(
        "D4", "rollout", lambda: controller(release=False, **SHORT), rollout,
        (Failover(at_least_s=4.5, at_most_s=12, reason="the lease has to expire"),),
        (Failover(at_most_s=2.2 + 0.5), NoOverlap()),
        code={"release-on-cancel": with_args("--release", without=("--no-release",))}, leads=True,
    ),
    "split-release-first": Case(
        "D5", "handover", lambda: controller(args=["--release-first", "--linger-s", "4"], **SHORT),
        lambda app: Handover(app.name, app.selector), (Overlap(at_least_s=1, at_most_s=5),), (NoOverlap(),),
        code={"stop-work-first": with_args("--release", without=("--release-first", "--no-release"))}, leads=True,
    ),
    "split-frozen": Case(
        "D5", "leader-freeze", lambda: controller(hand="signals", **SHORT),
        lambda app: FreezeLeader(app.name, app.selector, for_s=12.0), (Overlap(at_least_s=3.5, at_most_s=6),),
        (NoOverlap(),),
        code={"fence": with_args("--fence")}, leads=True,
    ),
    "scale-down-abrupt": Case(
        "E5", "scale", lambda: server(replicas=4), lambda app: ScaleDown(app.name, app.selector, to=2)
    ),
    "resize-restart": Case(
        "E6", "resize", resized, lambda app: Resize(app.selector, "server", {"cpu": "30m"}, restarts=True),
        again=lambda app: Resize(app.selector, "server", {"cpu": "30m"}, restarts=False),
    ),
}  # fmt: skip

NODES: dict[str, Callable[[str, dict[str, str]], Path]] = {"drain": Drain, "taint": Taint}
"""The paths of nodes."""

CORE = ("delete-none", "rollout-naive", "handover-expiry")
"""Those of `make test`; `make advice` has all."""


def restarted(session: Session, name: str, case: Case, change: Change, expected: tuple[Expectation, ...]) -> Result:
    """Deploy, restart and judge, in a namespace of its own."""
    row = Row(case.row, name, case.path, f"{name}: advice tried out", "tests/advice")
    scenario = Scenario(session.kube, session.folder, row, session.nodes, session.furnishing)
    error = "the test did not come to its judgement"
    try:
        scenario.open()
        app = case.app()
        if case.node:
            node = scenario.add_node()
            app = placed(app, node)
            path = NODES[case.path](node.name, app.selector)
        else:
            path = case.restart(app)
        app = scenario.deploy(change(app))
        with scenario.load(None if case.leads else app, **case.load):
            if case.leads:
                scenario.wait_leader(app.name)
            scenario.restart(path)
            if case.leads and case.path == "rollout":
                scenario.wait_leader(app.name)
        return scenario.expect(*expected)
    except Exception as exc:
        error = f"{type(exc).__name__}: {exc}"
        raise
    finally:
        scenario.close(error)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.core if name in CORE else ()) for name in CASES])
def test_advice_applied_makes_a_bad_variant_good(survive_session, name):
    case = CASES[name]
    with contextlib.ExitStack() as alone:
        if case.alone:
            alone.enter_context(survive_session.folder.turn(case.alone, name))
        before = restarted(survive_session, f"{name}-before", case, lambda app: app, case.bad)
        assert before.advice, "nothing was advised"

        later = replace(case, restart=case.again or case.restart)

        def mended(app: App) -> App:
            for piece in before.advice:
                app = case.code.get(piece.code, lambda one: one)(app)
            return replace(app, manifests=apply(before.advice, app.manifests))

        if case.code:
            assert {one.code for one in before.advice if one.kind == "code"} >= set(case.code)
        after = restarted(survive_session, f"{name}-after", later, mended, case.good)
    assert after.verdict == "pass"
