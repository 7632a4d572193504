"""A node is lost, and the cluster has to find out (row C13)."""

from typing import Literal

import pytest

from harness.deploy import placed, server
from harness.disrupt import NodeDown
from harness.judge.evictions import marked_after_s, unready_after_s
from harness.judge.expect import Outage, Seen, SomeErrors
from harness.load import NewConnections
from harness.scenario import Scenario

pytestmark = pytest.mark.node

GRACE_S, RENEW_S, LOOK_S = 50.0, 10.0, 5.0
"""kube-controller-manager's node-monitor-grace-period and period; the kubelet's Lease is renewed each 10 s."""

NOTICED_S = (GRACE_S - RENEW_S, GRACE_S + LOOK_S + 5)
"""The grace counts from the last renewal, up to 10 s before the loss, and its end is seen up to 5 s late; 5 s more for
the controllers' work on a busy machine."""

TOLERATED_S = 3

TAINTED_S = 10
"""The node controller gives the taint to one node of a zone in 10 s (--node-eviction-rate 0.1): to the second of two
that are lost at once so much later, though its pods are not ready as soon as the first's."""

PROBES = (NewConnections(fresh_ports=True),)
"""Half of the connections are never answered; connection tracking keeps each for 120 s, and would send a new one from
its port to the lost pod. At 100 a second the prober's own ports last for 227 s."""


def lose(survive: Scenario, how: Literal["crash", "cut"]) -> None:
    """One of two pods is on the node that is lost: half of the requests are, until the node is found unreachable."""
    node = survive.add_node()
    lost = [
        {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute"}
        | {"tolerationSeconds": TOLERATED_S}
        for state in ("unreachable", "not-ready")
    ]
    app = survive.deploy(placed(server(replicas=2), node, apart=True, tolerations=lost))
    with survive.load(app, probes=PROBES):
        survive.restart(NodeDown(node.name, app.selector, how, TOLERATED_S))
    low_s, high_s = NOTICED_S
    survive.expect(
        Seen(
            what=f"its endpoint was not ready {low_s:g} to {high_s:g} s after the loss",
            predicate=lambda seen: between(unready_after_s(seen, how), low_s, high_s),
        ),
        Seen(
            what=f"its pod was deleted {TOLERATED_S} s after its taint, which came up to {TAINTED_S} s after that",
            predicate=lambda seen: between(
                marked_after_s(seen, how), low_s + TOLERATED_S, high_s + TAINTED_S + TOLERATED_S
            ),
        ),
        SomeErrors(reason="its endpoint is in the Service all the while"),
        Outage(at_least_s=low_s - 3, at_most_s=high_s + 3, reason="until the endpoint is not ready, and the routing"),
    )


def between(found: list[float], low_s: float, high_s: float) -> bool | None:
    """Whether all of the moments lie between; None if there are none."""
    return all(low_s <= one <= high_s for one in found) if found else None


@pytest.mark.row("C13", "node-down-crash", "node-down")
def test_users_lose_the_pods_of_a_dead_node_until_its_grace_is_over(survive: Scenario) -> None:
    """All of a node's processes die at once: its pods stay in the Service, and lose requests, for up to a minute."""
    lose(survive, "crash")


@pytest.mark.row("C13", "node-down-cut", "node-down")
def test_a_node_that_is_cut_off_looks_the_same(survive: Scenario) -> None:
    """A node's link is cut and its pods live on: the same loss; once it is back, the deleted pod stops and goes."""
    lose(survive, "cut")
