"""Two leaders at once, and what prevents it (rows D5). The lease is 6 s, the renew deadline 4 s, a look 1 to 2.2 s.

The good variant of the first row is D2, handover-release: there work is stopped before the lease is released.
"""

import pytest

from harness.deploy import controller
from harness.deploy.app import App
from harness.deploy.controller import Hand
from harness.disrupt import CutLeader, FreezeLeader, Path
from harness.disrupt import Handover as PassOn
from harness.judge.expect import Evidence, ExitCode, Seen
from harness.judge.expect_leaders import Failover, NoOverlap, Overlap
from harness.records import AppSaid
from harness.scenario import Scenario

LEASE_S, RENEW_S, RETRY_S = 6.0, 4.0, 1.0
LOOK_S = RETRY_S * 2.2
LATENCY_S = 0.5
TAKEN_S = (LEASE_S - RETRY_S - LATENCY_S, LEASE_S + 2 * LOOK_S + LATENCY_S)
"""When the new leader works, counted from the old one's last sign of life, which came up to 1 s after a renewal."""

SPELL_S = 12.0
"""Longer than the longest take-over."""

LINGER_S = 4.0


def split(survive: Scenario, *args: str, hand: Hand = "", receiver: bool = False, grace_s: int = 30) -> App:
    """A controller with a short lease."""
    return survive.deploy(
        controller(
            lease_s=LEASE_S, renew_s=RENEW_S, retry_s=RETRY_S, args=args, hand=hand, receiver=receiver, grace_s=grace_s
        )
    )


def run(survive: Scenario, app: App, path: Path) -> None:
    """Wait for a leader at work, then trigger the path."""
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(path)


@pytest.mark.row("D5", "split-release-first", "handover")
def test_releasing_before_work_stops_lets_two_work_at_once(survive: Scenario) -> None:
    """The leader gives the lease up and works on for 4 s: the next one works beside it."""
    app = split(survive, "--release-first", "--linger-s", f"{LINGER_S:g}")
    run(survive, app, PassOn(app.name, app.selector))
    survive.expect(
        Overlap(
            at_least_s=LINGER_S - LOOK_S - LATENCY_S,
            at_most_s=LINGER_S + LATENCY_S,
            reason="4 s less one look of up to 2.2 s",
        )
    )


@pytest.mark.row("D5", "split-frozen", "leader-freeze", takes_s=28)
def test_a_frozen_leader_works_on_when_it_thaws(survive: Scenario) -> None:
    """SIGSTOP past the lease's expiry, then SIGCONT: it works until its renew deadline, beside the new leader."""
    app = split(survive, hand="signals")
    run(survive, app, FreezeLeader(app.name, app.selector, for_s=SPELL_S))
    survive.expect(
        Failover(at_least_s=TAKEN_S[0], at_most_s=TAKEN_S[1], reason="the lease expires while it stands still"),
        Overlap(
            at_least_s=RENEW_S - LATENCY_S,
            at_most_s=RENEW_S + RETRY_S + LATENCY_S,
            reason="after the thaw client-go tries to renew for a whole renew deadline before it gives up",
        ),
    )


@pytest.mark.row("D5", "split-frozen-fenced", "leader-freeze", takes_s=28)
def test_a_leader_that_looks_at_its_own_deadline_does_no_harm(survive: Scenario) -> None:
    """The same, but it refuses to work once the renew deadline has passed since its last renewal."""
    app = split(survive, "--fence", hand="signals")
    run(survive, app, FreezeLeader(app.name, app.selector, for_s=SPELL_S))
    survive.expect(
        Failover(at_least_s=TAKEN_S[0], at_most_s=TAKEN_S[1], reason="the lease expires while it stands still"),
        NoOverlap(),
    )


@pytest.mark.row("D5", "split-frozen-token", "leader-freeze", takes_s=28)
def test_who_receives_the_work_refuses_an_old_leader(survive: Scenario) -> None:
    """The same unfenced leader hands its work over with the lease's term: an old term is refused."""
    app = split(survive, hand="signals", receiver=True)
    run(survive, app, FreezeLeader(app.name, app.selector, for_s=SPELL_S))
    survive.expect(
        Failover(at_least_s=TAKEN_S[0], at_most_s=TAKEN_S[1], reason="the lease expires while it stands still"),
        Seen(what="work of the old leader was refused", predicate=refused),
        NoOverlap(),
    )


def refused(evidence: Evidence) -> bool:
    """Whether the receiver refused work."""
    return any(said.event == "refused" for said in evidence.history.of(AppSaid))


@pytest.mark.row("D5", "split-cut", "leader-cut", takes_s=25)
def test_a_leader_cut_off_from_the_api_stops_before_its_lease_expires(survive: Scenario) -> None:
    """It cannot renew for 12 s: client-go gives up at the renew deadline, which is shorter than the lease."""
    app = split(survive, hand="routes")
    run(survive, app, CutLeader(app.name, app.selector, for_s=SPELL_S))
    survive.expect(
        Failover(
            at_least_s=LEASE_S - RENEW_S - RETRY_S - LATENCY_S,
            at_most_s=LEASE_S - RENEW_S + 2 * LOOK_S + LATENCY_S,
            reason="it works until the renew deadline, 4 to 5 s after the last renewal; then the lease has to expire",
        ),
        ExitCode(code=1, container="controller", labels=tuple(app.selector.items())),
        NoOverlap(),
    )


@pytest.mark.row("D5", "split-cut-careless", "leader-cut", takes_s=25)
def test_a_leader_that_works_on_after_the_loss_is_one_of_two(survive: Scenario) -> None:
    """The same, but it works on for 10 s after the lease was lost, as one whose work nobody cancels."""
    linger_s = 10.0
    app = split(survive, "--careless", "--linger-s", f"{linger_s:g}", hand="routes")
    run(survive, app, CutLeader(app.name, app.selector, for_s=SPELL_S))
    survive.expect(
        Overlap(
            at_least_s=RENEW_S + linger_s - TAKEN_S[1],
            at_most_s=RENEW_S + RETRY_S + linger_s + LATENCY_S - LEASE_S,
            reason="it works until 10 s after the renew deadline, the next one from the lease's expiry on",
        )
    )
