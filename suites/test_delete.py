"""Pods are deleted through the API (rows B2)."""

import pytest

from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.load import KeptAlive, NewConnections
from harness.scenario import Scenario

RACE_S = 3.0
"""kube-proxy programs at most once a second; on top of it the endpoint's way through two controllers."""


@pytest.mark.core
@pytest.mark.row("B2", "delete-none", "delete")
def test_deleting_pods_that_stop_at_once_drops_requests(survive: Scenario) -> None:
    """Two of three pods are deleted; their socket closes at the signal, before routing has followed."""
    app = survive.deploy(server(replicas=3))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(
        SomeErrors(reason="the signal reaches the app before the endpoint's removal reaches every node"),
        Outage(
            at_most_s=RACE_S, reason="the race lasts as long as kube-proxy's pause between two syncs, 1 s, and a bit"
        ),
    )


@pytest.mark.core
@pytest.mark.row("B2", "delete-sleep", "delete")
def test_a_pre_stop_sleep_drains_before_the_signal(survive: Scenario) -> None:
    """The same two pods sleep 4 s before the signal: routing has followed by then, and nothing is lost."""
    app = survive.deploy(server(replicas=3, pre_stop_s=4))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.row("B2", "delete-app-delay", "delete")
def test_an_app_that_serves_on_for_a_while_drains_as_well(survive: Scenario) -> None:
    """No hook, but the app itself goes on for 4 s after its signal: routing has followed by then."""
    app = survive.deploy(server(replicas=3, args=["--drain-s", "4"]))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.row("B2", "delete-app-delay-kept", "delete")
def test_a_delay_in_the_app_lets_kept_connections_go(survive: Scenario) -> None:
    """The same on connections that are kept: in its delay the app says `Connection: close` with each answer."""
    app = survive.deploy(server(replicas=3, args=["--drain-s", "4"]))
    with survive.load(app, probes=(NewConnections(), KeptAlive())):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(NoErrors(), NoOutage())
