"""Pods are evicted through the Eviction API, under a budget (rows C1, C2)."""

import pytest

from harness.deploy import server
from harness.disrupt import Evict
from harness.judge.expect import Evidence, NoErrors, NoOutage, Seen
from harness.lives import lives
from harness.records import Act
from harness.scenario import Scenario


def refusals(evidence: Evidence) -> list[Act]:
    """The evictions that a budget refused: 429 with the cause DisruptionBudget."""
    refused = [act for act in evidence.history.of(Act) if (act.verb, act.status) == ("evict", "refused")]
    return [act for act in refused if "DisruptionBudget" in act.detail["body"]]


@pytest.mark.row("C1", "evict", "evict")
def test_an_eviction_within_the_budget_is_accepted_at_once(survive: Scenario) -> None:
    """One of two pods is evicted, the budget lets one go: accepted at once, and with a drain nothing is lost."""
    app = survive.deploy(server(replicas=2, pre_stop_s=4, budget={"maxUnavailable": 1}))
    with survive.load(app):
        survive.restart(Evict(app.selector))
    survive.expect(
        Seen(what="no eviction was refused", predicate=lambda seen: not refusals(seen)),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("C2", "evict-second", "evict")
def test_the_second_eviction_waits_for_the_first_ones_replacement(survive: Scenario) -> None:
    """Both of two pods are evicted under maxUnavailable 1: the second is refused until the replacement is Ready."""
    app = survive.deploy(server(replicas=2, pre_stop_s=4, budget={"maxUnavailable": 1}))
    with survive.load(app):
        survive.restart(Evict(app.selector, count=2))
    survive.expect(
        Seen(
            what="the second eviction was refused with 429, cause DisruptionBudget",
            predicate=lambda s: bool(refusals(s)),
        ),
        Seen(what="it was accepted only after a replacement was Ready", predicate=accepted_after_ready),
        NoErrors(),
        NoOutage(),
    )


def accepted_after_ready(evidence: Evidence) -> bool | None:
    """Whether a new pod turned Ready before the second eviction was accepted; None unless both were accepted."""
    evictions = [act for act in evidence.history.of(Act) if act.verb == "evict"]
    accepted = [act.t_ns for act in evictions if act.status == "done"]
    if len(accepted) != 2:
        return None
    # Not after the first was accepted: its replacement may be seen before the answer is.
    new = [life for life in lives(evidence.history).values() if life.first_seen_ns > evictions[0].t_ns]
    return any(life.ready_ns is not None and life.ready_ns < accepted[1] for life in new)
