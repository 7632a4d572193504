"""A pod is deleted while others are ready, and while none is (rows B3)."""

import pytest

from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.judge.routing import EndpointWhile, LastAnswer
from harness.scenario import Scenario

ROUTED_S = 2.5
"""kube-proxy writes what it sees at once, but not within a second of its last write; the rest is a busy machine's."""

START_UP_S = 3
"""No new pod can listen sooner after the old one's deletion."""

PROBED_S = 2.0
"""The startup and the readiness probe look once a second each."""

STARTED_S = 3.0
"""To schedule a pod, make its sandbox and start an interpreter, on a busy machine."""


@pytest.mark.row("B3", "terminating-fallback-others", "delete")
def test_a_terminating_pod_gets_no_new_traffic_while_others_are_ready(survive: Scenario) -> None:
    """One of two pods is deleted and sleeps 6 s: not ready at once, and though it lives on it is not asked any more."""
    app = survive.deploy(server(replicas=2, pre_stop_s=6))
    with survive.load(app):
        survive.restart(Delete(app.selector))
    survive.expect(
        EndpointWhile(service=app.name),
        LastAnswer(service=app.name, at_most_s=ROUTED_S, reason="kube-proxy's second between two writes, and a bit"),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("B3", "terminating-fallback-alone", "delete", takes_s=30)
def test_a_terminating_pod_serves_on_while_none_is_ready(survive: Scenario) -> None:
    """The only pod is deleted and sleeps 12 s: serving and terminating, it is asked until its replacement is ready."""
    app = survive.deploy(server(replicas=1, pre_stop_s=12, args=["--startup-delay-s", str(START_UP_S)]))
    with survive.load(app):
        survive.restart(Delete(app.selector))
    survive.expect(
        EndpointWhile(service=app.name),
        LastAnswer(
            service=app.name, at_least_s=START_UP_S - 0.5,
            reason="the replacement's start-up delay, less the endpoint's own way; there is nobody else to answer",
        ),
        NoErrors(),
        NoOutage(),
    )  # fmt: skip


@pytest.mark.row("B3", "terminating-fallback-unready", "delete", takes_s=35)
def test_an_app_that_turns_unready_on_its_signal_defeats_the_fallback(survive: Scenario) -> None:
    """The same, but 2 s on its signal comes and it fails readiness: it would serve on, but nobody is sent to it."""
    start_up_s, sleep_s = START_UP_S + 3, 2
    args = ["--startup-delay-s", str(start_up_s), "--unready-on-signal", "--drain-s", "12"]
    app = survive.deploy(server(replicas=1, pre_stop_s=sleep_s, args=args))
    with survive.load(app):
        survive.restart(Delete(app.selector))
    survive.expect(
        EndpointWhile(service=app.name, serving=False),
        SomeErrors(reason="neither ready nor serving: the Service has no endpoint though the app would answer"),
        Outage(
            at_least_s=start_up_s - sleep_s - PROBED_S,
            at_most_s=start_up_s - sleep_s + STARTED_S + PROBED_S + ROUTED_S,
            reason="from the signal, seen by the next readiness probe and kube-proxy's next write (up to 2 s), until"
            " the replacement has started, was probed twice and is routed to",
        ),
    )
