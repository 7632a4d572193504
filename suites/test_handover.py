"""Leadership passes on: the leader is deleted, killed, rolled out (rows D1 to D4)."""

import pytest

from harness.deploy import controller
from harness.disrupt import CrashLeader, Rollout
from harness.disrupt import Handover as PassOn
from harness.judge.expect_leaders import Failover, Handover, Moves, NoOverlap
from harness.scenario import Scenario

LEASE_S, RETRY_S, JITTER = 15.0, 2.0, 1.2
LOOK_S = RETRY_S * (1 + JITTER)
"""A standby looks every retry period times [1, 2.2) (client-go, leaderelection.go)."""

EXPIRY_S = (LEASE_S, LEASE_S + 2 * LOOK_S)
"""It counts the lease from its own sight of the last renewal, up to one look late, and sees the expiry up to another
look late. The talk's 17 s lacks the jitter."""

LATENCY_S = 0.5
"""Of the API requests to release, look and take, on a busy machine."""

BY_EXPIRY = Handover(
    after_last_renewal_s=(EXPIRY_S[0], EXPIRY_S[1] + LATENCY_S), reason="15 s + two looks of up to 4.4 s; talk: 17 s"
)


@pytest.mark.core
@pytest.mark.row("D1", "handover-expiry", "handover", takes_s=25)
def test_a_lease_that_is_not_released_must_expire_first(survive: Scenario) -> None:
    """The leader leaves without a word: the standby may not take over before the lease has expired."""
    app = survive.deploy(controller(release=False))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(PassOn(app.name, app.selector))
    survive.expect(BY_EXPIRY, NoOverlap())


@pytest.mark.core
@pytest.mark.row("D2", "handover-release", "handover")
def test_a_released_lease_is_taken_at_the_next_look(survive: Scenario) -> None:
    """The leader stops its work, gives the lease up and leaves: the standby takes it at its next look."""
    app = survive.deploy(controller(release=True))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(PassOn(app.name, app.selector))
    survive.expect(
        Failover(at_most_s=LOOK_S + LATENCY_S, reason="one look of up to 4.4 s, plus latency; talk: 3 s"),
        NoOverlap(),
    )


@pytest.mark.row("D3", "handover-crash", "leader-crash", takes_s=27)
def test_a_killed_leader_releases_nothing_even_if_it_would_have(survive: Scenario) -> None:
    """The leader's process is killed: though it releases on exit, the lease has to expire."""
    app = survive.deploy(controller(release=True, hand="signals"))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(CrashLeader(app.name, app.selector))
    survive.expect(BY_EXPIRY, NoOverlap())


@pytest.mark.row("D4", "handover-rollout-two", "rollout", takes_s=20)
def test_a_rollout_of_two_moves_the_leadership_with_a_short_gap_each(survive: Scenario) -> None:
    """Two replicas are rolled out: the leadership moves once or twice, each time for less than one look."""
    rolled_out(survive, replicas=2)


@pytest.mark.row("D4", "handover-rollout-three", "rollout", takes_s=20)
def test_a_rollout_of_three_may_move_it_once_more(survive: Scenario) -> None:
    """Three replicas are rolled out: up to three moves, each for less than one look."""
    rolled_out(survive, replicas=3)


def rolled_out(survive: Scenario, replicas: int) -> None:
    """Roll out a controller that releases its lease."""
    app = survive.deploy(controller(release=True, replicas=replicas))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(Rollout(app.name, app.selector))
        survive.wait_leader(app.name)
    survive.expect(
        Moves(at_most=replicas, reason="it can move to each old pod that is still there, and then to a new one"),
        Failover(at_most_s=LOOK_S + LATENCY_S, reason="one look of up to 4.4 s, plus latency"),
        Failover(at_most_s=replicas * (LOOK_S + LATENCY_S), total=True, reason="the same for each move"),
        NoOverlap(),
    )


@pytest.mark.row("D4", "handover-rollout-unreleased", "rollout", takes_s=20)
def test_a_rollout_without_a_release_waits_for_an_expiry_at_each_move(survive: Scenario) -> None:
    """Two replicas that give nothing up (lease 6 s): at each move nobody works until the lease has expired."""
    lease_s, look_s = 6.0, 1 * (1 + JITTER)
    app = survive.deploy(controller(release=False, lease_s=lease_s, renew_s=4, retry_s=1))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(Rollout(app.name, app.selector))
        survive.wait_leader(app.name)
    most_s = lease_s + 2 * look_s + LATENCY_S
    survive.expect(
        Moves(at_most=2),
        Handover(after_last_renewal_s=(lease_s, most_s), reason="the lease + two looks of up to 2.2 s"),
        Failover(at_least_s=lease_s - 1 - LATENCY_S, at_most_s=most_s, reason="work goes on until 1 s after a renewal"),
        NoOverlap(),
    )
