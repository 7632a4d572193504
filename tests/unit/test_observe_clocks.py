"""The nodes' clocks: which are known, which are measured, and how far that errs."""

import json
import pathlib

import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import now_ns
from harness.errors import KubeError
from harness.history import Recorder
from harness.observe import clocks
from harness.observe.clocks import NodeClocks, RoundTrip, best, clock_pod
from harness.records import ClockSeen, Lost, NodeSeen

trips = st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=20)


@given(trips, st.integers(-(10**12), 10**12))
def test_the_shortest_round_trip_wins_and_holds_the_truth(ways, offset_ns):
    found = [RoundTrip(0, there + offset_ns, there + back) for there, back in ways]
    chosen = best(found)
    assert abs(chosen.offset_ns - offset_ns) <= chosen.error_ns
    assert chosen.error_ns == min(one.error_ns for one in found)


class FakeKube:
    """Answers for pods on nodes whose clocks are ahead by so much; a node that is missing does not answer."""

    def __init__(self, **ahead_ns: int) -> None:
        self.ahead_ns = ahead_ns
        self.applied: list[dict] = []

    def apply(self, pods, namespace):
        assert namespace == "ns"
        self.applied += pods

    def pod_get(self, namespace, pod, port, path):
        assert (namespace, port, path) == ("ns", 8080, "/clock")
        node = next(one["spec"]["nodeName"] for one in self.applied if one["metadata"]["name"] == pod)
        if node not in self.ahead_ns:
            raise KubeError("no such pod", status=404)
        return json.dumps({"t_ns": now_ns() + self.ahead_ns[node]})


@pytest.fixture
def recorder(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setattr(clocks, "own_boot_id", lambda: "mine")
    monkeypatch.setattr(clocks, "READY_S", 0.0)
    recorder = Recorder(tmp_path / "h.jsonl.gz", "x")
    for node, boot_id in (("n1", "mine"), ("n2", "other"), ("n3", "mine"), ("n4", "mine")):
        recorder.add(NodeSeen(made.at(0), node, True, True, boot_id=boot_id))
    for node, pod in (("n1", "a"), ("n2", "b")):
        recorder.add(made.pod(1, pod, node=node))
    recorder.add(made.pod(1, "c", node="n4", change="DELETED"))
    yield recorder
    recorder.close()


def seen(recorder):
    return {one.node: one for one in recorder.tail(ClockSeen)}


def test_a_node_of_the_same_kernel_shares_the_clock(recorder):
    kube = FakeKube(n2=5 * 10**9)
    NodeClocks(kube, recorder, "ns").look()
    found = seen(recorder)
    assert set(found) == {"n1", "n2"}, "nodes without a pod of the namespace do not matter"
    assert found["n1"].offset_ns == 0
    assert found["n1"].error_ns == 0
    assert "boot id" in found["n1"].how
    assert abs(found["n2"].offset_ns - 5 * 10**9) <= found["n2"].error_ns < 10**7
    assert [one["spec"]["nodeName"] for one in kube.applied] == ["n2"]
    assert f"it is {found['n2'].offset_ns / 1e6:.3f} ms ahead" in found["n2"].how


def test_a_wall_clock_that_was_set_meanwhile_is_an_error_of_all(recorder, monkeypatch):
    monkeypatch.setattr(clocks, "stepped_ns", lambda: -3_000_000)
    NodeClocks(FakeKube(n2=0), recorder, "ns").look()
    assert seen(recorder)["n1"].error_ns == 3_000_000


def test_a_pod_a_node_is_enough_for_before_and_after(recorder):
    kube = FakeKube(n1=0, n2=0)
    measured = NodeClocks(kube, recorder, "ns", always=True)
    measured.look()
    measured.look()
    assert len(kube.applied) == 2
    assert len(recorder.tail(ClockSeen)) == 4


def test_a_clock_that_cannot_be_read_is_lost(recorder):
    NodeClocks(FakeKube(), recorder, "ns").look()
    assert [one.source for one in recorder.tail(Lost)] == ["clock/n2"]


def test_a_boot_id_that_nobody_knows_is_not_the_own(recorder, monkeypatch):
    monkeypatch.setattr(clocks, "own_boot_id", lambda: "")
    kube = FakeKube(n1=0, n2=0)
    NodeClocks(kube, recorder, "ns").look()
    assert len(kube.applied) == 2


def test_the_pod_that_is_asked_goes_where_it_is_bound_and_tells_nothing_else():
    pod = clock_pod("clock-0", "n1", {"X": "1"}, "image")
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert {"name": "X", "value": "1"} in pod["spec"]["containers"][0]["env"]
    assert "survive.dev/speaks" not in pod["metadata"]["labels"]
