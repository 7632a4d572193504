"""nginx stands in front of the app in one pod, and one of the two stops first (rows B11).

Two of three pods are deleted, as in the row `delete-none`: the second change of the endpoints has to wait for
kube-proxy's next write, so that requests reach a pod that stops.
"""

import pytest

from harness.deploy import proxied
from harness.disrupt import Delete
from harness.judge.expect import Evidence, NoErrors, NoOutage, Seen, SomeErrors
from harness.judge.routing import Answers
from harness.proof import pods
from harness.records import Log
from harness.scenario import Scenario

DRAIN_S = 4
"""Longer than kube-proxy's pause of a second before its write, and the endpoint's own way."""

APART_NS = 500_000_000
"""Hooks of the same length end at the same moment but for the kubelet's own work."""

BAD_GATEWAY = 502


def order(evidence: Evidence) -> list[tuple[int, int]]:
    """When the app was told to stop and when nginx was, for each pod of which both were seen."""
    found = []
    for life in pods(evidence.history, app="proxied"):
        told = [
            log.t_ns
            for log in evidence.history.of(Log)
            if (log.pod, log.container) == (life.name, "nginx") and "(SIGQUIT) received" in log.line
        ]
        if told and life.signal_ns is not None:
            found.append((life.signal_ns, told[0]))
    return found


def first(who: str) -> Seen:
    """That in each of the two deleted pods the one was told to stop before the other."""

    def told_first(evidence: Evidence) -> bool | None:
        seen = order(evidence)
        return all((app < nginx) == (who == "app") for app, nginx in seen) if len(seen) == 2 else None

    return Seen(what=f"the {who} was told to stop first, in both pods", predicate=told_first)


def at_once(evidence: Evidence) -> bool | None:
    """Whether both were told to stop at the same moment, in both pods."""
    seen = order(evidence)
    return all(abs(app - nginx) < APART_NS for app, nginx in seen) if len(seen) == 2 else None


@pytest.mark.row("B11", "proxy-order-equal", "delete", takes_s=28)
def test_equal_sleeps_leave_the_order_to_chance_and_only_their_drain_helps(survive: Scenario) -> None:
    """Both sleep 4 s and are told to stop at once: no order, but routing has followed long before."""
    app = survive.deploy(proxied(replicas=3, app_pre_stop_s=DRAIN_S, nginx_pre_stop_s=DRAIN_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(Seen(what="both were told to stop at once, in both pods", predicate=at_once), NoErrors(), NoOutage())


@pytest.mark.row("B11", "proxy-order-app-first", "delete", takes_s=28)
def test_an_app_that_stops_before_its_proxy_makes_it_answer_502(survive: Scenario) -> None:
    """nginx sleeps 4 s, the app does not: until routing has followed nginx answers for an app that is gone."""
    app = survive.deploy(proxied(replicas=3, nginx_pre_stop_s=DRAIN_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(
        first("app"), SomeErrors(), Answers(status=BAD_GATEWAY, at_least=1, reason="nobody listens behind nginx")
    )


@pytest.mark.row("B11", "proxy-order-proxy-first", "delete", takes_s=28)
def test_a_proxy_that_stops_before_its_app_answers_no_502(survive: Scenario) -> None:
    """nginx sleeps 4 s and the app 8 s: whatever nginx takes, the app is there to answer it."""
    app = survive.deploy(proxied(replicas=3, app_pre_stop_s=2 * DRAIN_S, nginx_pre_stop_s=DRAIN_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(first("proxy"), NoErrors(), NoOutage(), Answers(status=BAD_GATEWAY, at_most=0))


@pytest.mark.row("B11", "proxy-order-proxy-undrained", "delete", takes_s=28)
def test_a_proxy_that_stops_first_without_a_drain_refuses_but_answers_no_502(survive: Scenario) -> None:
    """nginx stops at once and the app 4 s on: requests are refused, which a client may try again, and none is a 502."""
    app = survive.deploy(proxied(replicas=3, app_pre_stop_s=DRAIN_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(first("proxy"), SomeErrors(), Answers(status=BAD_GATEWAY, at_most=0))


@pytest.mark.row("B11", "proxy-order-sidecar", "delete", takes_s=28)
def test_a_proxy_as_native_sidecar_outlives_its_app(survive: Scenario) -> None:
    """nginx is a native sidecar, so it is told to stop only after the app has ended: app first, hence 502."""
    app = survive.deploy(proxied(replicas=3, nginx_pre_stop_s=DRAIN_S, sidecar=True))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(
        first("app"), SomeErrors(), Answers(status=BAD_GATEWAY, at_least=1, reason="nobody listens behind nginx")
    )


@pytest.mark.row("B11", "proxy-order-sidecar-drained", "delete", takes_s=28)
def test_a_proxy_as_native_sidecar_needs_no_sleep_if_the_app_drains(survive: Scenario) -> None:
    """nginx as a native sidecar again, without a sleep of its own; the app sleeps 4 s: nothing is lost."""
    app = survive.deploy(proxied(replicas=3, app_pre_stop_s=DRAIN_S, sidecar=True))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(first("app"), NoErrors(), NoOutage(), Answers(status=BAD_GATEWAY, at_most=0))
