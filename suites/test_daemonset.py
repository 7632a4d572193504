"""A DaemonSet is rolled out anew (rows E3)."""

import pytest

from harness.deploy import daemons, server
from harness.disrupt import Rollout
from harness.judge.expect import NoErrors, NoOutage
from harness.judge.presence import NodeGap
from harness.scenario import Scenario

DRAIN_S = 4

SETTLED_S = 2
"""A new pod may be Ready for a moment, then not for a second (discovery 29); the surge must not go by the moment."""


@pytest.mark.row("E3", "daemonset-unavailable", "rollout")
def test_a_node_is_without_its_daemon_while_it_is_replaced(survive: Scenario) -> None:
    """maxUnavailable 1, the default: the old pod must have ended before the new one is made; other nodes serve."""
    app = survive.deploy(daemons(server(pre_stop_s=DRAIN_S)))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector, app.kind))
    survive.expect(
        NodeGap(
            labels=tuple(app.selector.items()),
            at_least_s=DRAIN_S,
            at_most_s=DRAIN_S + 10,
            reason="the drain, the old pod's way out of the API (up to 3 s), the new one's start and first probe",
        ),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("E3", "daemonset-surge", "rollout")
def test_a_surge_leaves_no_node_without_its_daemon(survive: Scenario) -> None:
    """maxSurge 1: on each node the new pod has been Ready for minReadySeconds before the old one is told to go."""
    app = survive.deploy(daemons(server(pre_stop_s=DRAIN_S), max_surge=1, min_ready_s=SETTLED_S))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector, app.kind))
    survive.expect(NodeGap(labels=tuple(app.selector.items()), at_most_s=0), NoErrors(), NoOutage())
