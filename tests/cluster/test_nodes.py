"""Nodes of the embedded cluster as a run's rows have, break and mend them: what is done, and that nothing stays."""

import time
from collections.abc import Iterator

import pytest

from harness.clusters.embedded import cluster, host
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.errors import ClusterError, WaitTimeout
from harness.kube import Kube
from harness.nodes import CONTROL_PLANE
from harness.wait import until
from tests.cluster.test_embedded import is_ready

ADDED_S = 20.0
"""It takes about 3 s on a quiet machine."""

DAEMONS = ("containerd", "kubelet", "kube-proxy")


@pytest.fixture(scope="module")
def nodes(spare: ClusterDir) -> EmbeddedNodes:
    return EmbeddedNodes(spare.name, "this-run")


@pytest.fixture
def own(spare: ClusterDir, nodes: EmbeddedNodes) -> Iterator[str]:
    """A node of the test's own."""
    began_s = time.monotonic()
    nodes.add("own", {"survive.dev/row": "own"}, ["survive.dev/row=own:NoSchedule"])
    assert time.monotonic() - began_s < ADDED_S
    yield "own"
    nodes.remove("own")
    assert names(spare) == {"load", "worker-1", "worker-2", "small-disk"}
    assert not any((root / spare.name / "own").exists() for root in host.hierarchies())


def names(folder: ClusterDir) -> set[str]:
    return {node["metadata"]["name"] for node in Kube.connect(folder.kubeconfig).list("v1", "Node")}


def pid_of(nodes: EmbeddedNodes, name: str, daemon: str) -> str:
    return nodes.run(name, ["pgrep", "-o", "-x", daemon]).strip()


def test_daemons_go_down_stay_down_and_come_back(nodes: EmbeddedNodes, own: str) -> None:
    before = {daemon: pid_of(nodes, own, daemon) for daemon in DAEMONS}
    for daemon in DAEMONS:
        nodes.stop(own, daemon)
        with pytest.raises(ClusterError, match="pgrep"):
            pid_of(nodes, own, daemon)
    with pytest.raises(ClusterError, match="runs no sshd"):
        nodes.stop(own, "sshd")
    for daemon in DAEMONS:
        nodes.start(own, daemon)
        nodes.start(own, daemon)
        started = pid_of(nodes, own, daemon)
        assert started != before[daemon]
        nodes.kill(own, daemon)
        assert pid_of(nodes, own, daemon) != started


def test_the_control_planes_daemons_too(nodes: EmbeddedNodes) -> None:
    nodes.kill(CONTROL_PLANE, "kube-scheduler-0")
    nodes.stop(CONTROL_PLANE, "kube-controller-manager-1")
    nodes.start(CONTROL_PLANE, "kube-controller-manager-1")


def test_a_cut_link_is_silent_until_it_is_mended(spare: ClusterDir, nodes: EmbeddedNodes, own: str) -> None:
    router = cluster.running(spare).addresses.router

    def reached() -> bool:
        try:
            nodes.run(own, ["bash", "-c", f"exec 3<>/dev/tcp/{router}/6443"], timeout_s=2)
        except ClusterError:
            return False
        return True

    assert reached()
    nodes.cut(own)
    assert not reached()
    nodes.mend(own)
    nodes.mend(own)
    until(reached, "the API server", 10)
    kube = Kube.connect(spare.kubeconfig)
    until(lambda: is_ready(kube.get("v1", "Node", own)), "the node to be Ready", 30)


def test_after_a_crash_nothing_answers_and_the_cluster_is_well(
    spare: ClusterDir, nodes: EmbeddedNodes, own: str
) -> None:
    nodes.crash(own)
    nodes.crash(own)
    with pytest.raises(ClusterError, match="own is not running"):
        nodes.run(own, ["true"])
    with pytest.raises(ClusterError, match="own is not running"):
        nodes.stop(own, "kubelet")
    assert cluster.status(spare.name).phase == "ready", "a row may break its own node"


def test_what_another_run_left_is_swept_even_if_it_is_dead(spare: ClusterDir, nodes: EmbeddedNodes) -> None:
    other = EmbeddedNodes(spare.name, "killed-run")
    other.add("left", {})
    nodes.add("mine", {}, small_disk=True)
    other.crash("left")
    nodes.sweep()
    assert names(spare) == {"load", "worker-1", "worker-2", "small-disk", "mine"}
    nodes.remove("mine")


def test_a_node_that_does_not_become_ready_leaves_nothing(
    spare: ClusterDir, nodes: EmbeddedNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(folder: ClusterDir, names: list[str]) -> None:
        raise WaitTimeout(f"{folder.name}: {names}")

    monkeypatch.setattr(cluster, "_wait_nodes", never)
    with pytest.raises(WaitTimeout, match="own"):
        nodes.add("own", {})
    assert names(spare) == {"load", "worker-1", "worker-2", "small-disk"}
    assert {node.name for node in cluster.running(spare).nodes} == {"load", "worker-1", "worker-2", "small-disk"}
