"""A Deployment is scaled down (rows E5)."""

import pytest

from harness.deploy import server
from harness.disrupt import ScaleDown
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.scenario import Scenario
from suites.test_delete import RACE_S

BEFORE, AFTER = 4, 2


@pytest.mark.row("E5", "scale-down-abrupt", "scale")
def test_scaling_down_pods_that_stop_at_once_drops_requests(survive: Scenario) -> None:
    """Two of four pods go, those of the lowest deletion cost; they close their sockets at the signal."""
    app = survive.deploy(server(replicas=BEFORE))
    with survive.load(app):
        survive.restart(ScaleDown(app.name, app.selector, to=AFTER))
    survive.expect(
        SomeErrors(reason="a scale-down deletes pods as any deletion does: the race is that of row B2"),
        Outage(at_most_s=RACE_S, reason="kube-proxy's pause between two syncs, 1 s, and a bit"),
    )


@pytest.mark.row("E5", "scale-down", "scale")
def test_scaling_down_with_a_drain_loses_nothing(survive: Scenario) -> None:
    """The same two pods sleep 4 s before the signal: those of the lowest cost go, and nothing is lost."""
    app = survive.deploy(server(replicas=BEFORE, pre_stop_s=4))
    with survive.load(app):
        survive.restart(ScaleDown(app.name, app.selector, to=AFTER))
    survive.expect(NoErrors(), NoOutage())
