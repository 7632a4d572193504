"""Requests of 1 to 5 s are under way when the stop comes (rows B9); lost and doubled work by the servers' ledgers."""

import pytest

from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import ExitCode, NoErrors
from harness.judge.expect_probes import (
    DoubledWork,
    InFlightCut,
    LostWork,
    NoDoubledWork,
    NoInFlightFailed,
    NoLostWork,
)
from harness.load import InFlight, NewConnections
from harness.scenario import Scenario

LONGEST_S = 5
DRAIN_S = 2
"""Served on after the signal, so that routing has followed (kube-proxy waits up to 1 s between two syncs)."""

SHORT_G_S = 3
KILL_S = 2.0
"""The kubelet leaves a container at least 2 s for its signal, and its timer has whole seconds: SIGKILL at G..G+2 s."""

PROMPT_S = 1.0
"""An exit at the signal: the process has nothing left to do."""


@pytest.mark.row("B9", "inflight-graceful", "delete")
def test_a_graceful_stop_finishes_what_is_in_flight(survive: Scenario) -> None:
    """One of two pods is deleted; it drains, then finishes all that it began, within its grace period."""
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}"], grace_s=DRAIN_S + LONGEST_S + 5))
    with survive.load(app, background=0, probes=[NewConnections(), InFlight(takes_s=(1, LONGEST_S))]):
        survive.restart(Delete(app.selector))
    survive.expect(
        NoErrors(),
        NoInFlightFailed(),
        NoLostWork(),
        NoDoubledWork(),
        ExitCode(code=0, labels=tuple(app.selector.items())),
    )


@pytest.mark.row("B9", "inflight-abrupt", "delete")
def test_an_abrupt_stop_cuts_what_is_in_flight(survive: Scenario) -> None:
    """The server exits at the signal: what it had begun is cut, and its work is lost."""
    app = survive.deploy(server(replicas=2, args=["--no-graceful"], grace_s=30))
    with survive.load(app, background=0, probes=[NewConnections(), InFlight(takes_s=(1, LONGEST_S))]):
        survive.restart(Delete(app.selector))
    survive.expect(
        InFlightCut(after_signal_s=(0, PROMPT_S), reason="the process exits at the signal, whatever its grace period"),
        LostWork(),
        NoDoubledWork(reason="nothing was sent again"),
    )


@pytest.mark.row("B9", "inflight-grace-short", "delete")
def test_a_grace_period_shorter_than_the_work_cuts_it_at_its_end(survive: Scenario) -> None:
    """The server would finish, but its grace period is over first: SIGKILL cuts the requests that last longer.

    All last longer here, so that there are some on the deleted pod: of requests of 1 to 5 s few have 3 s to go.
    """
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}"], grace_s=SHORT_G_S))
    with survive.load(app, background=0, probes=[NewConnections(), InFlight(takes_s=(SHORT_G_S + 1, LONGEST_S))]):
        survive.restart(Delete(app.selector))
    survive.expect(
        NoErrors(probe="service", reason="the drain covers new connections"),
        InFlightCut(
            after_signal_s=(SHORT_G_S - 0.5, SHORT_G_S + KILL_S),
            reason="SIGKILL at G..G+2 s; the process tells of the signal a moment after it was sent",
        ),
        LostWork(),
        ExitCode(code=137, labels=tuple(app.selector.items())),
    )


@pytest.mark.row("B9", "inflight-resent", "delete")
def test_work_that_was_done_but_not_answered_is_done_again_by_a_client_that_resends(survive: Scenario) -> None:
    """The work is done early, the answer comes late, the stop cuts in between: a resend doubles the work."""
    app = survive.deploy(server(replicas=2, args=["--no-graceful"], grace_s=30))
    probe = InFlight(takes_s=(1, LONGEST_S), done_at=0.1, resends=True)
    with survive.load(app, background=0, probes=[NewConnections(), probe]):
        survive.restart(Delete(app.selector))
    survive.expect(
        InFlightCut(after_signal_s=(0, PROMPT_S)),
        DoubledWork(reason="done after a tenth of its time on the old pod, then anew on another: the key was ignored"),
    )


@pytest.mark.row("B9", "inflight-resent-graceful", "delete")
def test_where_all_is_answered_nothing_is_resent_or_doubled(survive: Scenario) -> None:
    """The same client and the same work on a server that finishes what it began."""
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}"], grace_s=DRAIN_S + LONGEST_S + 5))
    probe = InFlight(takes_s=(1, LONGEST_S), done_at=0.1, resends=True)
    with survive.load(app, background=0, probes=[NewConnections(), probe]):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors(), NoInFlightFailed(), NoLostWork(), NoDoubledWork())
