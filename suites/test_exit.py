"""A server's container ends by itself and the kubelet starts it again (rows B8)."""

import pytest

from harness.deploy import server
from harness.disrupt.crash import Crash
from harness.judge.expect import Outage, Restarts, SomeErrors
from harness.judge.routing import Silence
from harness.scenario import Scenario

BACK_S = 8.0
"""The kubelet sees the end within a second and starts the container at once (no back-off the first time): a second or
two; the startup and the readiness probe look once a second each; kube-proxy waits a second after its last write."""

CARRIED_ON_S = 1.0
"""Fifty requests a second go to the other pod; a second of none is no longer chance."""


@pytest.mark.row("B8", "container-exit-only", "crash")
def test_while_the_only_container_restarts_nobody_answers(survive: Scenario) -> None:
    """The only pod's process exits with 1: traffic is lost until it is back."""
    app = survive.deploy(server(replicas=1))
    with survive.load(app):
        survive.restart(Crash(app.selector))
    survive.expect(
        Restarts(count=1, labels=tuple(app.selector.items())),
        SomeErrors(reason="no other pod can answer"),
        Outage(at_least_s=0.1, at_most_s=BACK_S, reason="a new container and its interpreter, probes, routing"),
    )


@pytest.mark.row("B8", "container-exit-two", "crash")
def test_with_a_second_replica_traffic_rides_on_the_other(survive: Scenario) -> None:
    """One of two pods' process exits with 1: what is sent to it until it is seen is lost, the other answers on."""
    app = survive.deploy(server(replicas=2))
    with survive.load(app):
        survive.restart(Crash(app.selector))
    survive.expect(
        Restarts(count=1, labels=tuple(app.selector.items())),
        SomeErrors(reason="nothing marks the endpoint before the kubelet sees the end"),
        Outage(at_most_s=BACK_S, reason="until the container is back, or seen to be gone and routing has followed"),
        Silence(at_most_s=CARRIED_ON_S, reason="the other pod carries on"),
    )
