import threading

import pytest

from harness.errors import KubeError, WaitTimeout
from harness.history import Recorder, read
from harness.kube import LISTED
from harness.observe import Observer
from harness.observe.observer import VIEWS
from harness.records import Lost, NodeSeen, PodSeen
from harness.wait import until

META = {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "7"}
POD = {"metadata": META, "spec": {}, "status": {"phase": "Pending"}}
NODE = {"metadata": {"name": "n", "uid": "n"}, "spec": {}, "status": {}}


class Kube:
    """Watches from a script: what comes before and after the first list, by kind."""

    def __init__(self, before=None, after=None, refused=(), silent=(), pods=None):
        self.before = before or {}
        self.after = after or {}
        self.refused = refused
        self.silent = silent
        self.pods = pods
        self.told = {}
        self.namespaces = {}
        self.go = threading.Event()
        self.done = threading.Event()

    def list(self, api_version, kind, namespace):
        assert (kind, namespace) == ("Pod", "ns")
        if isinstance(self.pods, KubeError):
            raise self.pods
        self.go.set()  # what comes after the first list comes after the first question too
        return list(self.told.values()) if self.pods is None else self.pods

    def watch(self, api_version, kind, namespace="", *, stop, on_break, fields=""):
        self.namespaces[f"{kind}?{fields}" if fields else kind] = namespace
        if kind in self.refused:
            raise KubeError(f"{kind} is forbidden", 403)
        for change, item in self.before.get(kind, []):
            if kind == "Pod":
                self.told[item["metadata"]["uid"]] = item
            yield change, item
        if kind not in self.silent:
            yield LISTED, {}
        for item in self.after.get(kind, []):
            assert self.go.wait(5)
            if item == "break":
                on_break("it broke")
            else:
                yield item
        if kind in self.after:
            self.done.set()
        stop.wait(10)


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path / "history.jsonl.gz", "b1")
    yield recorder
    recorder.close()


def test_the_first_lists_are_in_when_start_returns(recorder):
    kube = Kube(before={"Pod": [("ADDED", POD)], "Node": [("ADDED", NODE)]})
    with Observer(kube, recorder, "ns"):
        seen = recorder.history()
    assert [pod.name for pod in seen.of(PodSeen)] == ["p"]
    assert [node.name for node in seen.of(NodeSeen)] == ["n"]
    assert kube.namespaces == {view.kind: "" if view.kind == "Node" else "ns" for view in VIEWS}


def test_a_lease_of_a_component_is_watched_in_its_own_namespace(recorder):
    kube = Kube()
    with Observer(kube, recorder, "ns") as observer:
        observer.watch_lease("kube-scheduler", "kube-system")
        until(lambda: kube.namespaces.get("Lease?metadata.name=kube-scheduler"), "the watch of the lease", 5)
    assert kube.namespaces["Lease"] == "ns"
    assert kube.namespaces["Lease?metadata.name=kube-scheduler"] == "kube-system"


def test_changes_and_breaks_are_recorded_and_on_disk_after_stop(recorder, tmp_path):
    kube = Kube(after={"Pod": ["break", ("DELETED", POD)]})
    with Observer(kube, recorder, "ns"):
        kube.go.set()
        assert kube.done.wait(5)
    seen = read(tmp_path / "history.jsonl.gz")["b1"]
    assert [pod.change for pod in seen.of(PodSeen)] == ["DELETED"]
    assert [(lost.source, lost.what) for lost in seen.of(Lost)] == [("watch/Pod", "it broke")]


def test_a_refused_list_is_raised_by_start(recorder):
    with pytest.raises(KubeError, match="Node is forbidden"):
        Observer(Kube(refused=["Node"]), recorder, "ns").start()


def test_start_says_which_list_did_not_come(recorder):
    with pytest.raises(WaitTimeout, match="no list of Lease yet"):
        Observer(Kube(silent=["Lease"]), recorder, "ns").start(timeout_s=0.0)


def test_a_fault_in_a_watch_is_raised_by_stop(recorder):
    kube = Kube(after={"Pod": [("MODIFIED", {"no": "metadata"})]})
    observer = Observer(kube, recorder, "ns")
    observer.start()
    kube.go.set()
    with pytest.raises(KeyError):
        observer.stop()


def test_stop_waits_for_what_the_api_tells_already(recorder):
    newer = {**POD, "metadata": {**META, "resourceVersion": "8"}, "status": {"phase": "Failed"}}
    kube = Kube(before={"Pod": [("ADDED", POD)]}, after={"Pod": [("MODIFIED", newer)]}, pods=[newer])
    with Observer(kube, recorder, "ns"):
        pass
    assert [pod.phase for pod in recorder.history().of(PodSeen)] == ["Pending", "Failed"]
    assert recorder.history().of(Lost) == []


def test_stop_waits_for_the_news_of_a_pods_end(recorder):
    kube = Kube(before={"Pod": [("ADDED", POD)]}, after={"Pod": [("DELETED", POD)]}, pods=[])
    with Observer(kube, recorder, "ns"):
        pass
    assert [pod.change for pod in recorder.history().of(PodSeen)] == ["ADDED", "DELETED"]


def test_a_watch_that_does_not_catch_up_is_told(recorder, monkeypatch):
    monkeypatch.setattr("harness.observe.observer._CATCH_UP_S", 0.0)
    newer = {**POD, "metadata": {**META, "resourceVersion": "8"}}
    with Observer(Kube(before={"Pod": [("ADDED", POD)]}, pods=[newer]), recorder, "ns"):
        pass
    (lost,) = recorder.history().of(Lost)
    assert (lost.source, "may lack the last changes" in lost.what) == ("watch/Pod", True)


def test_an_api_that_cannot_be_asked_is_told_too(recorder):
    with Observer(Kube(pods=KubeError("no answer")), recorder, "ns"):
        pass
    (lost,) = recorder.history().of(Lost)
    assert "no answer" in lost.what
