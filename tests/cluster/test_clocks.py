"""A node whose clock is wrong: its offset is measured, and what its pods say is put right within the error."""

import pathlib
from collections.abc import Iterator

import pytest

from harness.clock import NS_PER_S
from harness.clocks import offsets
from harness.clusters.embedded.layout import ClusterDir
from harness.deploy import App, apply, controller, create_namespace, delete_namespace, wait_ready
from harness.history import History, Recorder, decode, lines
from harness.judge.leadership import failover
from harness.kube import Kube
from harness.observe.clocks import NodeClocks
from harness.observe.observer import Observer
from harness.records import ClockSeen, Record, Work
from harness.wait import until

SHIFT = "SURVIVE_CLOCK_SHIFT_MS"
SHIFT_S = {"worker-1": 0.0, "worker-2": 3.0}
NODE = "kubernetes.io/hostname"
MOST_ERROR_S = 0.1
LEASE = "shared"


@pytest.fixture
def seen(spare: ClusterDir, tmp_path: pathlib.Path) -> Iterator[list[Record]]:
    """What was said by leaders on two nodes, one after the other; the second node is 3 s ahead."""
    kube = Kube.connect(spare.kubeconfig)
    namespace = create_namespace(kube, "clocks", "clocks")
    path = tmp_path / "history.jsonl.gz"
    recorder = Recorder(path, "clocks")
    env = {node: {SHIFT: f"{1000 * shift_s:g}"} for node, shift_s in SHIFT_S.items()}
    try:
        with Observer(kube, recorder, namespace):
            clocks = NodeClocks(kube, recorder, namespace, always=True, env=env)
            for node in SHIFT_S:
                app = replica(node, env[node])
                apply(kube, app, namespace)
                wait_ready(kube, app, namespace)
                until(lambda: bool(recorder.tail(Work, 1)), "work", 30)
            clocks.look()
            old = recorder.tail(Work, 1)[0].identity
            kube.scale("worker-1", namespace, 0)
            until(lambda: recorder.tail(Work, 1)[0].identity != old, "work of another leader", 30)
            clocks.look()
        yield [decode(line)[1] for line in lines(path)]
    finally:
        recorder.close()
        delete_namespace(kube, namespace)


def replica(node: str, env: dict[str, str]) -> App:
    """One candidate, on a node of its own, for the Lease that both share."""
    return controller(node, replicas=1, release=True, args=["--lease", LEASE], env=env, node_selector={NODE: node})


def with_clocks(records: list[Record], clocks: list[ClockSeen]) -> History:
    return History("clocks", [*(one for one in records if not isinstance(one, ClockSeen)), *clocks])


def test_a_shifted_node_is_measured_and_put_right(seen: list[Record]) -> None:
    measured = [one for one in seen if isinstance(one, ClockSeen)]
    found = offsets(measured)
    assert len(measured) >= 4, "each node was measured before and after"
    for node, shift_s in SHIFT_S.items():
        assert abs(found[node].offset_ns - shift_s * NS_PER_S) <= found[node].error_ns < MOST_ERROR_S * NS_PER_S

    exact = [ClockSeen(0, node, round(shift_s * NS_PER_S), 0, "known") for node, shift_s in SHIFT_S.items()]
    truth, told = failover(with_clocks(seen, exact)), failover(with_clocks(seen, measured))
    assert truth is not None
    assert told is not None
    gap_s, error_s = truth.handovers[0].gap_s, told.handovers[0].clock_error_s
    assert 0 < error_s < 2 * MOST_ERROR_S
    assert abs(told.handovers[0].gap_s - gap_s) <= error_s
    assert told.low_s <= truth.low_s
    assert truth.high_s <= told.high_s
    assert told.high_s - told.low_s == pytest.approx(truth.high_s - truth.low_s + 2 * error_s, abs=0.01)

    believed = failover(with_clocks(seen, []))
    assert believed is not None
    assert abs(believed.handovers[0].gap_s - gap_s) == pytest.approx(3, abs=1e-6), "without it 3 s would be wrong"
