"""A run's nodes on a made folder of a cluster: orders to init and its answers, sweeping, and what is not there."""

import json
import os
import threading

import pytest

from harness.clusters.embedded import cluster, host
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.node import Node
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.clusters.embedded.state import State
from harness.errors import ClusterError, WaitTimeout
from harness.nodes import CONTROL_PLANE, RUN


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    made = ClusterDir.named("made")
    nodes = [Node("worker", 1), Node("mine", 2, {RUN: "me"}), Node("theirs", 3, {RUN: "other"})]
    State("made", 200, "r", "p", "i", "ready", nodes).write(made)
    made.node("mine").mkdir(parents=True)
    return made


@pytest.fixture
def nodes(folder):
    return EmbeddedNodes("made", "me")


def tell(folder, **programs):
    """As init does it: at once, so that nobody reads a half."""
    partial = folder / "programs.json.partial"
    partial.write_text(json.dumps(programs))
    partial.rename(folder / "programs.json")


def program(pid, starts=1, stopped=False):
    return {"pid": pid, "starts": starts, "stopped": stopped}


class Init(threading.Thread):
    """Stands in for a node's init: takes one order, then tells how the kubelet is."""

    def __init__(self, folder, after):
        super().__init__(daemon=True)
        os.mkfifo(folder / "control")
        self.pipe = os.open(folder / "control", os.O_RDWR)
        self.folder, self.after, self.order = folder, after, ""

    def run(self):
        self.order = os.read(self.pipe, 100).decode()
        tell(self.folder, kubelet=self.after)


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        ("stop", program(7), program(0, stopped=True)),
        ("start", program(0, stopped=True), program(8, 2)),
        ("kill", program(7), program(8, 2)),
    ],
)
def test_an_order_goes_to_init_and_is_over_when_init_says_so(nodes, folder, order, before, after):
    place = folder.node("mine")
    tell(place, kubelet=before)
    init = Init(place, after)
    init.start()
    getattr(nodes, order)("mine", "kubelet")
    init.join(10)
    assert init.order == f"{order} kubelet\n"


def test_what_runs_is_not_started_again(nodes, folder):
    tell(folder.node("mine"), kubelet=program(7))
    nodes.start("mine", "kubelet")


def test_a_daemon_that_does_not_end_is_an_error_with_what_was_seen(nodes, folder, monkeypatch):
    monkeypatch.setattr("harness.clusters.embedded.nodes.STOPPED_S", 0)
    place = folder.node("mine")
    tell(place, kubelet=program(7))
    Init(place, program(7, stopped=True))
    with pytest.raises(WaitTimeout, match=r"kubelet of mine: its end.*'pid': 7"):
        nodes.stop("mine", "kubelet")


def test_the_control_planes_init_is_the_clusters(nodes, folder):
    tell(folder.root, **{"kube-scheduler-0": program(0, stopped=True)})
    with pytest.raises(ClusterError, match="runs no kubelet: kube-scheduler-0"):
        nodes.stop(CONTROL_PLANE, "kubelet")


def test_on_a_dead_node_nothing_can_be_done(nodes, folder):
    tell(folder.node("mine"), kubelet=program(7))
    os.mkfifo(folder.node("mine") / "control")
    with pytest.raises(ClusterError, match="nobody listens"):
        nodes.stop("mine", "kubelet")
    with pytest.raises(ClusterError, match="mine is not running"):
        nodes.run("mine", ["true"])
    with pytest.raises(ClusterError, match="no node elsewhere"):
        nodes.cut("elsewhere")
    with pytest.raises(ClusterError, match="worker is not running"):
        nodes.kill("worker", "kubelet")


def test_only_what_other_runs_added_is_swept(nodes, monkeypatch):
    removed = []
    monkeypatch.setattr(cluster, "remove_node", lambda *which: removed.append(which))
    nodes.sweep()
    assert removed == [("made", "theirs")]


def test_what_does_not_become_ready_is_removed_again(nodes, folder, monkeypatch):
    removed = []

    def half(_, node):
        known = cluster.running(folder)
        known.nodes.append(node)
        known.write(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "add_node", half)
    monkeypatch.setattr(cluster, "remove_node", lambda *which: removed.append(which))
    with pytest.raises(KeyboardInterrupt):
        nodes.add("new", {"a": "b"}, ["k=v:NoSchedule"])
    assert removed == [("made", "new")]
    (added,) = [node for node in cluster.running(folder).nodes if node.name == "new"]
    assert (added.labels, added.taints) == ({"a": "b", RUN: "me"}, ("k=v:NoSchedule",))


def test_a_dead_node_of_a_run_does_not_break_the_cluster(folder, monkeypatch):
    alive = {folder.root / host.INIT: 1, folder.node("worker") / host.INIT: 2}
    monkeypatch.setattr(host, "find_inits", lambda _: alive)
    monkeypatch.setattr(cluster, "_healthy", lambda *_: True)
    assert cluster.status("made").phase == "ready"
    del alive[folder.node("worker") / host.INIT]
    assert cluster.status("made").why == "nodes have ended: worker"


def test_a_command_ends_with_its_time(monkeypatch):
    ran = []

    def run(argv, **_):
        ran.append(argv)
        return type("Done", (), {"returncode": 137, "stdout": "", "stderr": ""})

    monkeypatch.setattr(host.subprocess, "run", run)
    with pytest.raises(ClusterError, match="sleep 9: no end within 3 s"):
        host.inside(5, ["sleep", "9"], timeout_s=3)
    assert ran == [["nsenter", "--target=5", "--all", "--", "timeout", "--signal=KILL", "3", "sleep", "9"]]
