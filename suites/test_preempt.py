"""The scheduler preempts a pod for one of higher priority (row C7).

Never two of these rows at once on a cluster: the pods of the one would be victims of the other as well, and each
preemptor takes all the room of one of two nodes.
"""

import pytest

from harness.deploy import placed, server
from harness.deploy.server import IMAGE
from harness.disrupt import Preempt
from harness.judge.evictions import deleted_apps
from harness.judge.expect import NoErrors, NoOutage, Outage, Seen, SomeErrors
from harness.scenario import Scenario

pytestmark = pytest.mark.alone("preemption")
ROOM = {"cpu": "20m", "memory": "24Mi", "ephemeral-storage": "64Mi"}


@pytest.mark.core
@pytest.mark.row("C7", "preempt-one", "preempt")
def test_preemption_breaks_the_budget_of_an_only_replica(survive: Scenario) -> None:
    """One replica under a budget that lets none go: the scheduler takes it all the same; down until its replacement."""
    app = survive.deploy(server(replicas=1, resources={"requests": ROOM}, budget={"minAvailable": 1}))
    with survive.load(app):
        survive.restart(Preempt(app.selector, image=IMAGE))
    survive.expect(
        SomeErrors(reason="budgets are best effort in preemption: without another victim the budget is broken"),
        Outage(at_least_s=0.2, at_most_s=10, reason="from the signal until the replacement is scheduled, up and ready"),
    )


@pytest.mark.core
@pytest.mark.row("C7", "preempt-two", "preempt")
def test_preemption_of_one_of_two_with_a_drain_loses_nothing(survive: Scenario) -> None:
    """Two replicas on two nodes with a preStop sleep: the grace is honoured, so the drain works."""
    app = survive.deploy(server(replicas=2, resources={"requests": ROOM}, pre_stop_s=4))
    with survive.load(app):
        survive.restart(Preempt(app.selector, image=IMAGE))
    survive.expect(NoErrors(), NoOutage())


def choose(survive: Scenario, budget: dict[str, object] | None, goes: str) -> None:
    """Two apps of one pod each on a node of their own; one has to go. The newer one has the users, and the budget."""
    node = survive.add_node()
    older = survive.deploy(placed(server("older", replicas=1, resources={"requests": ROOM}), node))
    newer = placed(server("newer", replicas=1, resources={"requests": ROOM}, budget=budget), node)
    survive.deploy(newer)
    with survive.load(newer):
        survive.restart(Preempt(older.selector, image=IMAGE, or_else=newer.selector))
    users = [SomeErrors(reason="its only pod went")] if goes == "newer" else [NoErrors(), NoOutage()]
    survive.expect(Seen(what=f"the {goes} one went", predicate=lambda seen: deleted_apps(seen) == {goes}), *users)


@pytest.mark.node
@pytest.mark.row("C7", "preempt-newest", "preempt")
def test_of_two_pods_alike_preemption_takes_the_newer(survive: Scenario) -> None:
    """Two pods, neither with a budget: the one that started later goes."""
    choose(survive, budget=None, goes="newer")


@pytest.mark.node
@pytest.mark.row("C7", "preempt-unguarded", "preempt")
def test_preemption_takes_a_pod_outside_a_budget_first(survive: Scenario) -> None:
    """The same two pods, but the newer one's budget lets none go: the older one goes in its stead."""
    choose(survive, budget={"minAvailable": 1}, goes="older")
