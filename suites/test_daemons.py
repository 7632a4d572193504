"""The daemons of a node are restarted, and nothing else (row C14)."""

from typing import Literal

import pytest

from harness.deploy import placed, server
from harness.disrupt import RestartDaemon
from harness.judge.evictions import always_ready
from harness.judge.expect import NoErrors, NoOutage, Restarts, Seen
from harness.scenario import Scenario

pytestmark = pytest.mark.node


def restart(survive: Scenario, daemon: Literal["kubelet", "containerd"]) -> None:
    """The only replica is on the node whose daemon is down for 5 s: its container runs on, and nothing is lost."""
    node = survive.add_node()
    app = survive.deploy(placed(server(replicas=1), node, only=True))
    with survive.load(app):
        survive.restart(RestartDaemon(node.name, daemon))
    survive.expect(
        Restarts(count=0, labels=tuple(app.selector.items())),
        Seen(what="its endpoint was ready all the while", predicate=always_ready),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("C14", "kubelet-restart", "daemon")
def test_users_do_not_notice_a_restart_of_the_kubelet(survive: Scenario) -> None:
    """The kubelet of the only replica's node is down for 5 s: nothing is lost."""
    restart(survive, "kubelet")


@pytest.mark.row("C14", "containerd-restart", "daemon")
def test_nor_one_of_containerd(survive: Scenario) -> None:
    """The same with containerd: the containers live on under their shims."""
    restart(survive, "containerd")
