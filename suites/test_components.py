"""The cluster's own controllers lose their leader (rows D6). No other row runs meanwhile: nobody does its work."""

import pytest

from harness.disrupt import CrashComponent
from harness.judge.expect_leaders import Failover, Handover, Moves, NoOverlap
from harness.load import Errand, ReconcileDeployment, SchedulePods
from harness.scenario import Scenario

LEASE_S, LOOK_S, LATENCY_S = 15.0, 4.4, 0.5
EXPIRY_S = (LEASE_S, LEASE_S + 2 * LOOK_S + LATENCY_S)
"""As D3: these components elect by client-go with its defaults."""

RENEWED_S = 2.0
"""The last renewal is up to this much older than the last work."""


def crashed(survive: Scenario, errand: Errand, start_s: float, reason: str) -> None:
    """Kill the leader while its canary is at work; `start_s` is how long the new one may take to begin."""
    with survive.load(), survive.canary(errand):
        survive.restart(CrashComponent(errand.lease))
    survive.expect(
        Moves(at_most=1),
        Handover(after_last_renewal_s=EXPIRY_S, reason="15 s + two looks of up to 4.4 s; talk: 17 s"),
        Failover(at_least_s=LEASE_S - RENEWED_S - LATENCY_S, at_most_s=EXPIRY_S[1] + start_s, reason=reason),
        NoOverlap(),
    )


@pytest.mark.sole
@pytest.mark.row("D6", "scheduler-crash", "component-crash", takes_s=25)
def test_no_pod_is_scheduled_until_the_lease_has_expired(survive: Scenario) -> None:
    """kube-scheduler's leader is killed: new pods wait until the next one may take the Lease."""
    crashed(survive, SchedulePods(), 2.0, "the lease; its standby has its caches filled already (seen: 0.03 s)")


@pytest.mark.sole
@pytest.mark.row("D6", "controller-manager-crash", "component-crash", takes_s=28)
def test_nothing_is_reconciled_until_the_lease_has_expired_and_the_controllers_are_up(survive: Scenario) -> None:
    """kube-controller-manager's leader is killed: Deployments wait for the next one, and for its controllers' start."""
    crashed(survive, ReconcileDeployment(), 6.0, "the lease; controllers start once it is taken (seen: up to 2 s)")
