"""A run's nodes on a kind cluster of stand-ins: the spare node lent, broken, mended; orders to daemons and links."""

import threading

import pytest

from harness.clusters.embedded.layout import run_lock
from harness.clusters.kind import cluster, nodes
from harness.clusters.kind.config import SPARE
from harness.clusters.kind.nodes import KindNodes
from harness.clusters.kind.state import KindDir, State
from harness.errors import ClusterError, Impossible, UsageError, WaitTimeout
from harness.locks import hold
from harness.nodes import CONTROL_PLANE, FILLER
from tests.unit.fake_kind import NODES, Api, alone

NAME = "survive-made"
LAST = f"{NAME}-worker4"
TAINT = "survive.dev/row=r-1:NoSchedule"
LABELS = {"survive.dev/row": "r-1"}


@pytest.fixture
def made(tmp_path, monkeypatch):
    found = alone(tmp_path, monkeypatch)
    State(NAME, "docker", "", "r", phase="ready").write(KindDir.named(NAME))
    (found.root / "clusters" / NAME).mkdir()
    for node in NODES:
        (found.root / "clusters" / NAME / (NAME + node)).write_text("running")
    found.answer("pgrep", "41")
    return found


@pytest.fixture
def api(monkeypatch):
    found = Api(NAME)
    monkeypatch.setattr(nodes.Kube, "connect", found.connect)
    return found


@pytest.fixture
def mine(made, api, monkeypatch):
    for name in ("READY_S", "DAEMON_S", "STATE_S", "AGAIN_S"):
        monkeypatch.setattr(nodes, name, 0)
    return KindNodes(NAME, "run-1")


def taints(api):
    return {one["key"] for one in api.nodes[LAST]["spec"]["taints"]}


def test_the_spare_node_is_lent_and_taken_back(mine, api):
    assert mine.add("r-1", LABELS, [TAINT]) == LAST
    assert taints(api) == {"survive.dev/row"}
    assert api.nodes[LAST]["metadata"]["labels"] == LABELS
    mine.remove(LAST)
    assert taints(api) == {SPARE}
    assert api.nodes[LAST]["metadata"]["labels"] == {}
    assert mine.add("r-2", LABELS, [TAINT]) == LAST


def test_one_row_waits_for_the_other(mine, made, api):
    other = KindNodes(NAME, "run-1")
    mine.add("r-1", LABELS, [TAINT])
    waiting = threading.Thread(target=other.add, args=("r-2", LABELS, [TAINT]), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    mine.remove(LAST)
    waiting.join(10)
    assert not waiting.is_alive()
    other.remove(LAST)


def test_a_row_that_waited_too_long_is_skipped_and_says_for_whom(mine, monkeypatch):
    monkeypatch.setattr(nodes, "LEND_S", 0)
    with hold(run_lock(f"{NAME}-spare"), "r-0 of run run-1"), pytest.raises(Impossible, match="r-0 of run run-1"):
        mine.add("r-1", LABELS, [TAINT])


def test_there_is_one_to_spare(mine):
    mine.add("r-1", LABELS, [TAINT])
    with pytest.raises(Impossible, match="needs a second node of its own; a kind cluster has one to spare"):
        mine.add("r-1", LABELS, [TAINT])


def test_a_small_disk_is_there_or_the_reason_is_told(mine, made):
    assert mine.add("r-1", LABELS, [TAINT], small_disk=True) == LAST
    mine.remove(LAST)
    State(NAME, "docker", "", "r", no_disk="it takes root", phase="ready").write(KindDir.named(NAME))
    with pytest.raises(Impossible, match="a small disk, which this kind cluster has not: it takes root"):
        mine.add("r-1", LABELS, [TAINT], small_disk=True)


def test_one_that_is_not_ready_is_not_lent(mine, api):
    api.nodes[LAST]["status"]["conditions"][0]["status"] = "Unknown"
    with pytest.raises(WaitTimeout, match=r"spare node survive-made-worker4 to be Ready again; last seen: not Ready"):
        mine.add("r-1", LABELS, [TAINT])
    assert taints(api) == {SPARE}


def test_what_a_row_did_to_it_is_mended(mine, made, api):
    mine.add("r-1", LABELS, [TAINT])
    mine.crash(LAST)
    assert made.states(NAME)[LAST] == "exited"
    api.nodes[LAST]["spec"]["unschedulable"] = True
    mine.remove(LAST)
    assert set(made.states(NAME).values()) == {"running"}
    assert not api.nodes[LAST]["spec"]["unschedulable"]
    assert taints(api) == {SPARE}
    assert made.calls("exec", f"rm --force {FILLER}")


def test_a_link_that_was_cut_is_mended_with_its_routes(mine, made):
    mine.add("r-1", LABELS, [TAINT])
    mine.cut(LAST)
    assert "link set dev eth0 down" in "".join(made.calls())
    mine.remove(LAST)
    assert "ip -4 route replace $route dev eth0" in "".join(made.calls())


def lent_by_a_killed_run(api):
    api.nodes[LAST]["spec"]["taints"] = [{"key": "survive.dev/row", "effect": "NoSchedule"}]
    api.nodes[LAST]["metadata"]["labels"] = dict(LABELS)


def test_what_a_killed_run_left_is_mended_before_the_next(mine, made, api):
    lent_by_a_killed_run(api)
    made.set_state(LAST, "exited")
    mine.sweep()
    assert taints(api) == {SPARE}
    assert api.nodes[LAST]["metadata"]["labels"] == {}
    assert made.states(NAME)[LAST] == "running"


def test_what_a_row_of_this_run_has_is_not_swept(mine, api):
    lent_by_a_killed_run(api)
    with hold(run_lock(f"{NAME}-spare"), "r-1 of run run-1"):
        mine.sweep()
    assert taints(api) == {"survive.dev/row"}


def test_a_node_that_is_as_it_should_be_is_left_alone(mine, made):
    mine.sweep()
    assert not made.calls("exec")


def test_only_what_was_lent_is_taken_back(mine):
    with pytest.raises(ClusterError, match="survive-made-worker2 was not lent"):
        mine.remove(f"{NAME}-worker2")


def test_a_command_is_run_in_the_container_for_so_long(mine, made):
    mine.run(LAST, ["df", "/"], timeout_s=5)
    mine.run(CONTROL_PLANE, ["true"])
    assert made.calls(f"docker exec {LAST} timeout --signal=KILL 5 df /")
    assert made.calls(f"docker exec {NAME}-control-plane timeout --signal=KILL 30 true")
    made.fail("exec", "df: no such file")
    with pytest.raises(ClusterError, match=r"df / on survive-made-worker4 failed:\ndf: no such file"):
        mine.run(LAST, ["df", "/"])


def test_a_daemon_is_stopped_and_started(mine, made):
    with pytest.raises(WaitTimeout, match="kubelet of survive-made-worker4: its end; last seen: process 41"):
        mine.stop(LAST, "kubelet")
    made.answer("pgrep", "")
    mine.stop(LAST, "kubelet")
    assert made.calls("systemctl stop kubelet")
    with pytest.raises(WaitTimeout, match="kubelet of survive-made-worker4 to start"):
        mine.start(LAST, "kubelet")
    assert made.calls("systemctl start kubelet")


def test_a_daemon_that_runs_is_left_alone(mine, made):
    mine.start(LAST, "containerd")
    assert not made.calls("systemctl")


def test_a_killed_process_is_back_once_it_is_another(mine, made):
    with pytest.raises(WaitTimeout, match="kube-scheduler of control-plane: its next start; last seen: process 41"):
        mine.kill(CONTROL_PLANE, "kube-scheduler")
    assert made.calls(f"exec {NAME}-control-plane", "kill -KILL 41")
    made.answer("pgrep", "")
    with pytest.raises(ClusterError, match="survive-made-control-plane runs no kube-scheduler"):
        mine.kill(CONTROL_PLANE, "kube-scheduler")


def test_all_nodes_are_ours(mine):
    assert mine.breakable
    assert mine.may_touch(f"{NAME}-worker2")


def test_there_are_none_of_a_cluster_that_does_not_run(made, api):
    with pytest.raises(UsageError, match="survive cluster up --cluster kind"):
        KindNodes("other", "run-1")
    assert cluster.running(NAME).name == NAME
