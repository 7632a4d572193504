"""Pinned, kept-alive connections over a delete and a rollout (rows B13).

The client trusts its connections: it does not look whether the server has closed one before it uses it again. Many
clients do not, and for those that do a moment remains in which the close is under way and the request as well.
"""

import pytest

from harness.deploy import App, server
from harness.disrupt import Delete, Rollout
from harness.judge.expect import NoErrors
from harness.judge.expect_probes import NoReusedBroken, ReusedBroken
from harness.load import KeptAlive, NewConnections
from harness.scenario import Scenario

PROBES = (NewConnections(), KeptAlive(connections=20, looks=False))
"""At 100 requests/s each of the 20 connections is used every 0.2 s."""

DRAIN_S = 3
"""Served on after the signal: routing has followed by then (kube-proxy waits up to 1 s between two syncs), and every
kept connection has had an answer that could tell its client to close it."""


def told_to_close(tells: bool) -> App:
    """Two servers that serve on after the signal, and say `Connection: close` on their answers then, or do not.

    The socket of what was closed answers for another second (--shutdown-s), so that a reset can be sent at all.
    """
    close = "--close-on-drain" if tells else "--no-close-on-drain"
    return server(replicas=2, args=["--drain-s", f"{DRAIN_S}", close, "--shutdown-s", "1"])


@pytest.mark.row("B13", "keepalive-delete-silent", "delete")
def test_a_server_that_closes_kept_connections_without_a_word_breaks_their_next_request(survive: Scenario) -> None:
    """One of two pods is deleted: it drains, but closes its kept connections unannounced."""
    app = survive.deploy(told_to_close(tells=False))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Delete(app.selector))
    survive.expect(
        NoErrors(probe="service", reason="the drain covers new connections"),
        ReusedBroken(reason="the request crosses the close: the server's kernel answers it with a reset"),
    )


@pytest.mark.row("B13", "keepalive-delete-told", "delete")
def test_connection_close_on_the_last_answers_moves_kept_connections_over(survive: Scenario) -> None:
    """The same, and each answer in the drain says `Connection: close`: the client opens another, nothing breaks."""
    app = survive.deploy(told_to_close(tells=True))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors(), NoReusedBroken())


@pytest.mark.row("B13", "keepalive-rollout-silent", "rollout")
def test_a_rollout_breaks_the_kept_connections_of_every_old_pod(survive: Scenario) -> None:
    """Both pods are replaced, and close their kept connections unannounced."""
    app = survive.deploy(told_to_close(tells=False))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        NoErrors(probe="service", reason="the drain covers new connections"),
        ReusedBroken(at_least=2, reason="at least one connection of each of the two old pods"),
    )


@pytest.mark.row("B13", "keepalive-rollout-told", "rollout")
def test_connection_close_carries_kept_connections_over_a_rollout(survive: Scenario) -> None:
    """The same rollout, with `Connection: close` on the last answers: nothing breaks."""
    app = survive.deploy(told_to_close(tells=True))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(NoErrors(), NoReusedBroken())
