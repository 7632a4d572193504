"""Canaries: what is asked, when a piece counts as done, and to whom it is put down."""

import threading
from collections.abc import Iterator

import histories as made
import pytest

from harness.history import Recorder
from harness.kube import Stop
from harness.load.canary import Canary, ReconcileDeployment, SchedulePods, attributed
from harness.records import LeaseSeen, Work
from harness.wait import until


def piece(t_s, number=1):
    return Work(made.at(t_s), "", "", number, 0)


def lease(t_s, holder, transitions, acquire_s, renew_s=None):
    return made.lease(t_s, holder, transitions, acquire_s, renew_s or acquire_s)


def test_work_is_put_down_to_whoever_held_the_lease():
    leases = [lease(0, "a", 1, -5), lease(2, "a", 1, -5, 2), lease(17.1, "b", 2, 17), lease(19, "", 2, 17)]
    found = attributed([piece(1), piece(3, 2), piece(17.5, 3), piece(20, 4)], leases)
    assert [(one.identity, one.term, one.seq) for one in found] == [
        ("a", 1, 1), ("a", 1, 2), ("b", 2, 3), ("b", 2, 4),
    ]  # fmt: skip
    assert attributed([piece(1)], []) == []


def test_a_pod_counts_once_the_scheduler_has_looked_at_it():
    pod = {"metadata": {"name": "canary-7"}, "status": {}}
    assert SchedulePods().done(pod) == 0
    pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "False"}]
    assert SchedulePods().done(pod) == 7


def test_a_deployment_counts_once_its_generation_was_observed():
    deployment = {"metadata": {"generation": 4}, "spec": {"minReadySeconds": 9}, "status": {"observedGeneration": 3}}
    assert ReconcileDeployment().done(deployment) == 0
    deployment["status"]["observedGeneration"] = 4
    assert ReconcileDeployment().done(deployment) == 9


class FakeCluster:
    """A Deployment whose controller sees each change at once, while it is up."""

    def __init__(self) -> None:
        self.up = threading.Event()
        self.up.set()
        self.asked = 0
        self.seen = 0
        self._changed = threading.Condition()

    def apply(self, manifests, namespace):
        (manifest,) = manifests
        self.asked = manifest["spec"]["minReadySeconds"]
        self.react()

    def react(self):
        if self.up.is_set():
            with self._changed:
                self.seen = self.asked
                self._changed.notify_all()

    def watch(self, api_version, kind, namespace, *, stop: Stop, on_break) -> Iterator[tuple[str, dict]]:
        assert (api_version, kind, namespace) == ("apps/v1", "Deployment", "ns")
        last = 0
        while not stop.is_set():
            with self._changed:
                if self.seen <= last:
                    self._changed.wait(0.05)
                now = self.seen
            if now > last:
                last = now
                status = {"observedGeneration": now}
                yield "MODIFIED", {"metadata": {"generation": now}, "spec": {"minReadySeconds": now}, "status": status}


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path / "h.jsonl.gz", "x")
    recorder.add(LeaseSeen(0, "kube-controller-manager", "a", 3, 15, 1, 1))
    yield recorder
    recorder.close()


def test_one_piece_waits_while_nobody_works(recorder):
    cluster = FakeCluster()
    canary = Canary(cluster, recorder, "ns", ReconcileDeployment())
    canary.start()
    cluster.up.clear()
    until(lambda: cluster.asked > cluster.seen, "a piece that waits", 5)
    assert cluster.asked == cluster.seen + 1
    cluster.up.set()
    cluster.react()
    canary.wait_working()
    canary.stop()
    found = recorder.tail(Work, 10_000)
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    assert {(one.identity, one.term) for one in found} == {("a", 3)}


def test_what_breaks_a_thread_is_raised(recorder):
    class Broken(FakeCluster):
        def apply(self, manifests, namespace):
            raise RuntimeError("no such thing")

    canary = Canary(Broken(), recorder, "ns", ReconcileDeployment())
    with pytest.raises(RuntimeError, match="no such thing"):
        canary.start()
    with pytest.raises(RuntimeError, match="no such thing"):
        canary.stop()
