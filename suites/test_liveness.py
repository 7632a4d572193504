"""A liveness probe fails and the kubelet restarts the container (rows B5)."""

import pytest

from harness.deploy import server
from harness.disrupt import FailLiveness
from harness.judge.expect import Outage, Restarts, SomeErrors
from harness.scenario import Scenario

LIVENESS = {"periodSeconds": 1, "failureThreshold": 1}


@pytest.mark.core
@pytest.mark.row("B5", "liveness-one", "liveness")
def test_the_only_replica_is_down_while_its_container_restarts(survive: Scenario) -> None:
    """The only pod's container is restarted: users are refused until it listens and is ready again."""
    app = survive.deploy(server(replicas=1, liveness=LIVENESS, pre_stop_s=2, grace_s=10))
    with survive.load(app):
        survive.restart(FailLiveness(app.selector))
    survive.expect(
        Restarts(count=1, labels=tuple(app.selector.items())),
        SomeErrors(reason="no other pod can answer"),
        Outage(at_least_s=0.1, at_most_s=8, reason="exit, new container, readiness seen once a second, routing"),
    )


@pytest.mark.core
@pytest.mark.row("B5", "liveness-two", "liveness")
def test_a_second_replica_takes_over_but_nothing_drains(survive: Scenario) -> None:
    """With a second pod the outage is partial and short: the endpoint stays ready through the stop, preStop or not."""
    app = survive.deploy(server(replicas=2, liveness=LIVENESS, pre_stop_s=2, grace_s=10))
    with survive.load(app):
        survive.restart(FailLiveness(app.selector))
    survive.expect(
        Restarts(count=1, labels=tuple(app.selector.items())),
        SomeErrors(reason="a stop of the container alone marks no endpoint: requests go to the closed socket"),
        Outage(at_most_s=8, reason="until readiness is seen to fail or the container is back"),
    )
