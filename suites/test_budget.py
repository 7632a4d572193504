"""Disruption budgets: what they hold back, and what they do not (rows C3 to C6)."""

import pytest

from harness.deploy import server
from harness.disrupt import DeletePastBudget, Evict, EvictBlocked, EvictUnready
from harness.judge.evictions import given_up_because, marked_before_replaced
from harness.judge.expect import NoErrors, NoOutage, Outage, Seen, SomeErrors
from harness.scenario import Scenario

START_UP_S = 2
NEVER_S = 3600

GONE_FIRST = Seen(what="each pod was marked before another was made in its stead", predicate=marked_before_replaced)


@pytest.mark.row("C3", "delete-ignores-pdb", "delete-past-budget")
def test_a_deletion_goes_through_though_the_budget_lets_none_go(survive: Scenario) -> None:
    """Two of two pods are deleted under minAvailable 2, which refuses their evictions: both go, users are cut off."""
    app = survive.deploy(server(replicas=2, budget={"minAvailable": 2}))
    with survive.load(app):
        survive.restart(DeletePastBudget(app.selector, count=2))
    survive.expect(
        SomeErrors(reason="a budget is asked by the Eviction API alone"),
        Outage(at_least_s=0.2, at_most_s=10, reason="from the signals until the first replacement is up and ready"),
    )


@pytest.mark.row("C4", "evict-before-recreate", "evict")
def test_an_evicted_only_replica_is_gone_before_the_next_is_there(survive: Scenario) -> None:
    """One replica, and a budget that lets it go: an eviction makes no replacement first, as a surging rollout would."""
    app = survive.deploy(server(replicas=1, args=["--startup-delay-s", str(START_UP_S)], budget={"maxUnavailable": 1}))
    with survive.load(app):
        survive.restart(Evict(app.selector))
    survive.expect(
        GONE_FIRST,
        SomeErrors(reason="nobody serves until the replacement has started"),
        Outage(
            at_least_s=START_UP_S - 0.5,
            at_most_s=START_UP_S + 6,
            reason="the start-up delay, as the replacement is made when the old pod gets its signal; on top of it the"
            " container's start, the probes' second and the routing",
        ),
    )


@pytest.mark.row("C4", "evict-before-recreate-drained", "evict")
def test_a_drain_longer_than_the_start_up_bridges_the_gap(survive: Scenario) -> None:
    """The same, with a preStop sleep of 10 s: the pod that goes serves, terminating, until its replacement is ready."""
    args = ["--startup-delay-s", str(START_UP_S)]
    app = survive.deploy(server(replicas=1, args=args, budget={"maxUnavailable": 1}, pre_stop_s=10))
    with survive.load(app):
        survive.restart(Evict(app.selector))
    survive.expect(GONE_FIRST, NoErrors(), NoOutage())


BLOCKED_S = 10.0


def blocked(survive: Scenario, **budget: object) -> None:
    """One replica that its budget never lets go."""
    app = survive.deploy(server(replicas=1, budget=budget))
    with survive.load(app):
        survive.restart(EvictBlocked(app.selector, bound_s=BLOCKED_S))
    survive.expect(given_up_because("needs 1 healthy pods and has 1 currently"), NoErrors(), NoOutage())


@pytest.mark.row("C5", "evict-blocked", "evict-blocked")
def test_an_only_replica_that_may_never_be_unavailable_is_never_evicted(survive: Scenario) -> None:
    """One replica under maxUnavailable 0: every eviction is refused; the harness gives up at its bound and says why."""
    blocked(survive, maxUnavailable=0)


@pytest.mark.row("C5", "evict-blocked-percent", "evict-blocked")
def test_nor_is_one_of_which_all_must_be_available(survive: Scenario) -> None:
    """The same with minAvailable 100 %."""
    blocked(survive, minAvailable="100%")


def never_ready(survive: Scenario, policy: str) -> dict[str, str]:
    """A pod that runs and is never Ready, under a budget of one healthy pod; its labels."""
    budget = {"minAvailable": 1, "unhealthyPodEvictionPolicy": policy}
    app = server("stuck", replicas=1, args=["--startup-delay-s", str(NEVER_S)], budget=budget)
    return survive.deploy(app, ready=False).selector


@pytest.mark.row("C6", "evict-unhealthy-refused", "evict-blocked")
def test_a_pod_that_never_got_ready_blocks_its_own_eviction(survive: Scenario) -> None:
    """By default (IfHealthyBudget) a pod that is not Ready goes only while others satisfy the budget: it is stuck."""
    selector = never_ready(survive, "IfHealthyBudget")
    with survive.load():
        survive.restart(EvictBlocked(selector, bound_s=BLOCKED_S))
    survive.expect(given_up_because("needs 1 healthy pods and has 0 currently"))


@pytest.mark.row("C6", "evict-unhealthy", "evict-unready")
def test_always_allow_lets_a_pod_go_that_never_got_ready(survive: Scenario) -> None:
    """With unhealthyPodEvictionPolicy AlwaysAllow the same pod is evicted at the first try."""
    selector = never_ready(survive, "AlwaysAllow")
    with survive.load():
        survive.restart(EvictUnready(selector))
    survive.expect(GONE_FIRST)
