"""A node gets a NoExecute taint: the taint manager deletes its pods (row C8)."""

import pytest

from harness.deploy import placed, server
from harness.disrupt import Taint
from harness.disrupt.taint import KEY
from harness.judge.evictions import marked_after_s
from harness.judge.expect import NoErrors, NoOutage, Outage, Seen, SomeErrors, Timing
from harness.scenario import Scenario

pytestmark = pytest.mark.node

BUDGET = {"minAvailable": 2}
DRAIN_S = 10
TOLERATED_S = 6
LATE_S = 5.0
"""The way from the patch over the taint manager to the deletion, and by a watch back to the harness: 1 to 2.4 s were
seen for it on a busy machine."""


def went(count: int, after_s: float) -> Seen:
    """So many pods were marked, each so long after the taint and no later than LATE_S on top."""
    return Seen(
        what=f"{count} pods were deleted {after_s:g} to {after_s + LATE_S:g} s after the taint",
        predicate=lambda seen: (
            (found := marked_after_s(seen, "taint")) != []
            and len(found) == count
            and all(after_s <= one <= after_s + LATE_S for one in found)
        ),
    )


@pytest.mark.row("C8", "taint", "taint")
def test_a_taint_takes_all_pods_of_a_node_past_their_budget(survive: Scenario) -> None:
    """Both of two pods are on the node, and their budget lets none go: the taint takes both at once."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=2, budget=BUDGET), node))
    with survive.load(app):
        survive.restart(Taint(node.name, app.selector))
    survive.expect(
        went(2, after_s=0),
        SomeErrors(reason="the taint manager deletes; it asks no budget"),
        Outage(at_least_s=0.2, at_most_s=10, reason="from the signals until the first replacement is up and ready"),
    )


@pytest.mark.row("C8", "taint-drained", "taint")
def test_the_grace_is_honoured_so_a_drain_saves_them(survive: Scenario) -> None:
    """The same with a preStop sleep of 10 s: both serve, terminating, until their replacements are ready elsewhere."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=2, budget=BUDGET, pre_stop_s=DRAIN_S), node))
    with survive.load(app):
        survive.restart(Taint(node.name, app.selector))
    survive.expect(
        went(2, after_s=0),
        Timing(name="stop_signal_s", at_least=DRAIN_S, reason="the signal comes only after the preStop hook"),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("C8", "taint-tolerated", "taint")
def test_toleration_seconds_put_the_deletion_off(survive: Scenario) -> None:
    """Two pods tolerate the taint for 6 s: only then are they deleted; with a drain nothing is lost."""
    node = survive.add_node()
    tolerates = {"key": KEY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED_S}
    app = placed(server(replicas=2, budget=BUDGET, pre_stop_s=DRAIN_S), node, tolerations=[tolerates])
    survive.deploy(app)
    with survive.load(app):
        survive.restart(Taint(node.name, app.selector, tolerated_s=TOLERATED_S))
    survive.expect(went(2, after_s=TOLERATED_S), NoErrors(), NoOutage())
