"""Pods are evicted through the Eviction API, under a budget (rows C1, C2)."""

import pytest

from harness.deploy import server
from harness.disrupt import Evict
from harness.judge.evictions import accepted_after_ready
from harness.judge.expect import NoErrors, NoOutage, Seen
from harness.proof import refusals
from harness.scenario import Scenario


@pytest.mark.core
@pytest.mark.row("C1", "evict", "evict")
def test_an_eviction_within_the_budget_is_accepted_at_once(survive: Scenario) -> None:
    """One of two pods is evicted, the budget lets one go: accepted at once, and with a drain nothing is lost."""
    app = survive.deploy(server(replicas=2, pre_stop_s=4, budget={"maxUnavailable": 1}))
    with survive.load(app):
        survive.restart(Evict(app.selector))
    survive.expect(
        Seen(what="no eviction was refused", predicate=lambda seen: not refusals(seen.history)),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.core
@pytest.mark.row("C2", "evict-second", "evict")
def test_the_second_eviction_waits_for_the_first_ones_replacement(survive: Scenario) -> None:
    """Both of two pods are evicted under maxUnavailable 1: the second is refused until the replacement is Ready."""
    app = survive.deploy(server(replicas=2, pre_stop_s=4, budget={"maxUnavailable": 1}))
    with survive.load(app):
        survive.restart(Evict(app.selector, count=2))
    survive.expect(
        Seen(
            what="the second eviction was refused with 429, cause DisruptionBudget",
            predicate=lambda s: bool(refusals(s.history)),
        ),
        Seen(what="it was accepted only after a replacement was Ready", predicate=accepted_after_ready),
        NoErrors(),
        NoOutage(),
    )
