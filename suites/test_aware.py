"""An app that watches its own entry in its Service knows when to stop accepting; a sleep has to guess (rows B12).

Two of three pods are deleted, as in the row `delete-none`.
"""

import pytest

from harness.deploy import aware, server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, NoOutage, SomeErrors, Timing
from harness.scenario import Scenario

LONG_S = 10
"""A sleep as one sets it to be safe: for large clusters, where routing may take seconds to follow."""

QUIET_S = 1.0
"""Without a request for that long. A pod gets more than 30 a second while it is routed to."""

ROUTED_S = 2.5
"""kube-proxy writes what it sees at once, but not within a second of its last write; the rest is a busy machine's."""

CLOSE_S = 1.5
"""The server waits for up to 1 s for the first request on a connection that it has accepted."""


@pytest.mark.row("B12", "endpoint-aware", "delete")
def test_an_app_that_watches_its_endpoint_loses_nothing_and_wastes_little(survive: Scenario) -> None:
    """From its signal on it serves until its endpoint is not ready and nobody came for a second."""
    app = survive.deploy(aware(replicas=3, quiet_s=QUIET_S, at_most_s=2 * LONG_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(
        NoErrors(),
        NoOutage(),
        Timing(name="exit_s", at_least=QUIET_S, reason="a second without a request must have passed"),
        Timing(
            name="exit_s",
            at_most=ROUTED_S + QUIET_S + CLOSE_S,
            reason=f"until routing has followed, a second without a request, the close: half of the {LONG_S} s that a"
            " long sleep takes",
        ),
    )


@pytest.mark.row("B12", "endpoint-aware-sleep-short", "delete")
def test_too_short_a_sleep_loses_requests(survive: Scenario) -> None:
    """The same app with a preStop sleep of 0 s instead: the signal comes before routing has followed."""
    app = survive.deploy(server(replicas=3, pre_stop_s=0))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(SomeErrors(reason="the signal reaches the app before the endpoint's removal reaches every node"))


@pytest.mark.row("B12", "endpoint-aware-sleep-long", "delete", takes_s=25)
def test_too_long_a_sleep_loses_nothing_and_wastes_time(survive: Scenario) -> None:
    """The same app with a preStop sleep of 10 s instead: each stop takes all of it."""
    app = survive.deploy(server(replicas=3, pre_stop_s=LONG_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(
        NoErrors(),
        NoOutage(),
        Timing(name="exit_s", at_least=LONG_S, reason="the signal comes after the sleep; twice what watching takes"),
    )
