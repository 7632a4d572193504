"""Readiness fails for a while and heals (rows B7)."""

import pytest

from harness.deploy import server
from harness.disrupt import FlapReadiness
from harness.judge.expect import NoErrors, NoOutage, Outage, Restarts, SomeErrors
from harness.judge.routing import LastAnswer
from harness.scenario import Scenario

FOR_S = 5.0
ROUTED_S = 2.5
"""kube-proxy writes what it sees at once, but not within a second of its last write; the rest is a busy machine's."""

PROBED_S = 1.0
"""The readiness probe looks once a second."""


@pytest.mark.row("B7", "readiness-flap-two", "readiness")
def test_an_unready_pod_leaves_the_endpoints_and_comes_back(survive: Scenario) -> None:
    """One of two pods is not ready for 5 s: it is asked no more, comes back without a restart, and nothing is lost."""
    app = survive.deploy(server(replicas=2))
    with survive.load(app):
        survive.restart(FlapReadiness(app.selector, for_s=FOR_S))
    survive.expect(
        Restarts(count=0, labels=tuple(app.selector.items())),
        LastAnswer(service=app.name, at_most_s=ROUTED_S, reason="kube-proxy's second between two writes, and a bit"),
        NoErrors(reason="it answers until routing has followed"),
        NoOutage(),
    )


@pytest.mark.row("B7", "readiness-flap-alone", "readiness")
def test_an_only_pod_that_is_unready_is_an_outage_though_it_would_answer(survive: Scenario) -> None:
    """The only pod is not ready for 5 s: it would answer, but a pod that does not terminate is no fallback."""
    app = survive.deploy(server(replicas=1))
    with survive.load(app):
        survive.restart(FlapReadiness(app.selector, for_s=FOR_S))
    survive.expect(
        Restarts(count=0, labels=tuple(app.selector.items())),
        SomeErrors(reason="without a ready endpoint only a pod that is serving and terminating is a fallback"),
        Outage(
            at_least_s=FOR_S - ROUTED_S,
            at_most_s=FOR_S + PROBED_S + 2 * ROUTED_S,
            reason="5 s, later by kube-proxy at its begin, and by the probe and kube-proxy at its end",
        ),
    )
