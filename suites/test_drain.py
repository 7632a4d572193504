"""A node is drained as by `kubectl drain` (row C12)."""

import pytest

from harness.deploy import placed, server
from harness.disrupt import Drain
from harness.judge.evictions import accepted_after_ready, given_up_because
from harness.judge.expect import NoErrors, NoOutage, Outage, Seen, SomeErrors
from harness.proof import refusals
from harness.scenario import Scenario

pytestmark = pytest.mark.node

BOUND_S = 16.0
"""Four tries, 5 s apart."""


@pytest.mark.row("C12", "drain", "drain")
def test_a_drain_waits_for_the_budget_and_loses_nothing(survive: Scenario) -> None:
    """Both of two pods are on the node, maxUnavailable is 1: the second goes once the first's replacement is Ready."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=2, budget={"maxUnavailable": 1}, pre_stop_s=4), node))
    with survive.load(app):
        survive.restart(Drain(node.name, app.selector))
    survive.expect(
        Seen(what="an eviction was refused meanwhile (429)", predicate=lambda seen: bool(refusals(seen.history))),
        Seen(what="the second was accepted only after a replacement was Ready", predicate=accepted_after_ready),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("C12", "drain-unguarded", "drain")
def test_without_a_budget_a_drain_takes_all_at_once(survive: Scenario) -> None:
    """The same two pods without a budget and without a drain of their own: both go at once, users are cut off."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=2), node))
    with survive.load(app):
        survive.restart(Drain(node.name, app.selector))
    survive.expect(
        Seen(what="no eviction was refused", predicate=lambda seen: not refusals(seen.history)),
        SomeErrors(reason="nothing keeps a drain from taking all of an app's pods together"),
        Outage(at_least_s=0.2, at_most_s=10, reason="from the signals until the first replacement is up and ready"),
    )


@pytest.mark.row("C12", "drain-blocked", "drain")
def test_a_drain_that_can_never_end_is_given_up(survive: Scenario) -> None:
    """One replica under minAvailable 1: the drain is refused each 5 s; the harness gives up and says why."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=1, budget={"minAvailable": 1}), node))
    with survive.load(app):
        survive.restart(Drain(node.name, app.selector, bound_s=BOUND_S))
    survive.expect(given_up_because("needs 1 healthy pods and has 1 currently"), NoErrors(), NoOutage())
