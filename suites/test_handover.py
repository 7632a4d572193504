"""Leadership passes from a deleted leader to its standby (rows D1, D2)."""

import pytest

from harness.deploy import controller
from harness.disrupt import Handover as PassOn
from harness.judge.expect import Failover, Handover, NoOverlap
from harness.scenario import Scenario

LEASE_S, RETRY_S, JITTER = 15.0, 2.0, 1.2
EXPIRY_S = (LEASE_S, LEASE_S + 2 * RETRY_S * (1 + JITTER))
"""A standby looks every retry period times [1, 2.2); it counts the lease from its own sight of the last renewal, up to
one look late, and sees the expiry up to another look late (client-go, leaderelection.go). The talk's
17 s lacks the jitter."""

RELEASED_S = RETRY_S * (1 + JITTER)
"""An empty holder is taken at the standby's next look."""

LATENCY_S = 0.5
"""Of the API requests to release, look and take, on a busy machine."""


@pytest.mark.row("D1", "handover-expiry", "handover")
def test_a_lease_that_is_not_released_must_expire_first(survive: Scenario) -> None:
    """The leader leaves without a word: the standby may not take over before the lease has expired."""
    app = survive.deploy(controller(release=False))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(PassOn(app.name, app.selector))
    low_s, high_s = EXPIRY_S
    survive.expect(
        Handover(
            after_last_renewal_s=(low_s, high_s + LATENCY_S), reason="15 s + two looks of up to 4.4 s; talk: 17 s"
        ),
        NoOverlap(),
    )


@pytest.mark.row("D2", "handover-release", "handover")
def test_a_released_lease_is_taken_at_the_next_look(survive: Scenario) -> None:
    """The leader stops its work, gives the lease up and leaves: the standby takes it at its next look."""
    app = survive.deploy(controller(release=True))
    with survive.load():
        survive.wait_leader(app.name)
        survive.restart(PassOn(app.name, app.selector))
    survive.expect(
        Failover(at_most_s=RELEASED_S + LATENCY_S, reason="one look of up to 4.4 s, plus latency; talk: 3 s"),
        NoOverlap(),
    )
