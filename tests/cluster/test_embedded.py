"""The embedded cluster for real: what it leaves, what a kill does, who may use it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

from harness.clusters.embedded import cluster, host, state
from harness.clusters.embedded.layout import ClusterDir, home
from harness.clusters.embedded.node import STANDARD, Node
from harness.kube import Kube
from harness.wait import until
from tests.cluster.conftest import ROOT, bring_up
from tests.cluster.machine import Machine

STARTED_S = 40.0
"""The goal is 15 s on two idle cores; a test on a shared machine must not fail for its neighbours."""


def settled_difference(before: Machine) -> dict[str, set[str]]:
    """What is left, once what was dying has died."""
    left: dict[str, set[str]] = {}

    def nothing_left() -> bool:
        left.clear()
        left.update(Machine.now().left_since(before))
        return not left

    until(nothing_left, "a machine as it was before", 20, every_s=0.5, last=lambda: left)
    return left


def test_up_serves_and_down_leaves_nothing(no_cluster: str) -> None:
    before = Machine.now()
    folder, took_s = bring_up(no_cluster)
    assert took_s < STARTED_S
    assert cluster.status(no_cluster).phase == "ready"
    kube = Kube.connect(folder.kubeconfig)
    ready = [node for node in kube.list("v1", "Node") if is_ready(node)]
    assert {node["metadata"]["name"] for node in ready} == {node.name for node in STANDARD}
    on_host = Machine.now().left_since(before)
    assert len(on_host["links"]) == 1, "the host sees one link"
    assert "rules" not in on_host, "and no firewall rule"
    assert cluster.down(no_cluster)
    assert settled_difference(before) == {}
    assert not folder.root.exists()


def test_killing_the_init_takes_all_away_and_up_starts_anew(no_cluster: str) -> None:
    before = Machine.now()
    folder, _ = bring_up(no_cluster)
    os.kill(host.find_inits(folder.root)[folder.root / cluster.INIT], signal.SIGKILL)
    until(lambda: not host.find_inits(folder.root), "the end of all inits", 20)
    link = f"survive{state.read(folder).b}"
    until(lambda: not host.link_exists(link), "the end of the link", 20)
    until(lambda: Machine.now().left_since(before).keys() <= {"cgroups"}, "no more than empty cgroups of a kill", 20)
    assert cluster.status(no_cluster).phase == "broken"
    bring_up(no_cluster)
    assert cluster.status(no_cluster).phase == "ready"
    cluster.down(no_cluster)
    assert settled_difference(before) == {}


def test_a_start_that_is_killed_is_cleaned_up_by_the_next(no_cluster: str, survive) -> None:
    before = Machine.now()
    folder = ClusterDir.named(no_cluster)
    for stage in ("state.json", "nodes/worker-1/init.json"):
        starter = survive("cluster", "up", "--name", no_cluster)
        until((folder.root / stage).exists, f"{stage} of the start", 30, every_s=0.01)
        starter.kill()
        starter.wait()
        assert cluster.status(no_cluster).phase != "ready"
    bring_up(no_cluster)
    assert cluster.status(no_cluster).phase == "ready"
    cluster.down(no_cluster)
    assert settled_difference(before) == {}


def test_two_starts_at_once_make_one_cluster(no_cluster: str, survive) -> None:
    first, second = (survive("cluster", "up", "--name", no_cluster) for _ in range(2))
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum("control plane" in text for text in said) == 1, "only one of them started it"
    assert len(host.find_inits(ClusterDir.named(no_cluster).root)) == 1 + len(STANDARD)


def test_a_taken_address_range_is_told_before_anything_is_changed(no_cluster: str, survive) -> None:
    before = Machine.now()
    running = next(iter(state.all_states()), None)
    taken = running.addresses.range if running else "10.200.0.0/16"
    if running is None:
        bring_up("survive-test-other")
    try:
        process = survive("cluster", "up", "--name", no_cluster, "--address-range", taken)
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 1
        assert taken in said
        assert "--address-range" in said
        assert not ClusterDir.named(no_cluster).root.exists()
    finally:
        cluster.down("survive-test-other")
    assert settled_difference(before) == {}


def test_a_second_checkout_has_a_cluster_of_its_own(no_cluster: str, tmp_path: pathlib.Path) -> None:
    for folder in ("harness", "workloads", "reports"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("out", "__pycache__"))
    changed = tmp_path / "harness/clusters/embedded/addons.yaml"
    changed.write_text(changed.read_text() + "# other sources\n")
    first, _ = bring_up(no_cluster)
    pids = host.find_inits(first.root)
    code = "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"

    def other(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        argv = [sys.executable, "-c", code, *arguments]
        return subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    up = other("cluster", "up")
    try:
        assert up.returncode == 0, up.stderr
        kubeconfig = pathlib.Path(other("cluster", "kubeconfig").stdout.strip())
        assert kubeconfig.parent.parent == home() / "clusters"
        assert kubeconfig != first.kubeconfig
        assert other("cluster", "status").returncode == 0
    finally:
        assert other("cluster", "down").returncode == 0
    assert host.find_inits(first.root) == pids, "the first cluster was not touched"
    assert cluster.status(no_cluster).phase == "ready"


def test_nodes_come_and_go_and_crash(no_cluster: str) -> None:
    folder, _ = bring_up(no_cluster)
    kube = Kube.connect(folder.kubeconfig)
    cluster.add_node(no_cluster, Node("extra", 0, {"survive.dev/row": "c13"}, ("survive.dev/row=c13:NoSchedule",)))
    extra = kube.get("v1", "Node", "extra")
    assert is_ready(extra)
    assert extra["metadata"]["labels"]["survive.dev/row"] == "c13"
    assert {"key": "survive.dev/row", "value": "c13", "effect": "NoSchedule"} in extra["spec"]["taints"]

    host.kill_init(folder.node("extra") / cluster.INIT)
    assert "extra" in cluster.status(no_cluster).why
    cluster.remove_node(no_cluster, "extra")
    assert cluster.status(no_cluster).phase == "ready"
    assert "extra" not in {node["metadata"]["name"] for node in kube.list("v1", "Node")}
    assert not any((root / no_cluster / "extra").exists() for root in host.hierarchies())
    others = {node["metadata"]["name"] for node in kube.list("v1", "Node") if is_ready(node)}
    assert others == {node.name for node in STANDARD}, "a crash and a removal disturb no other node"


def is_ready(node) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])
