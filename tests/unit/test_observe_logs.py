import threading

import pytest

from harness.errors import KubeError
from harness.kube import LogLine
from harness.observe.logs import Logs, instances
from harness.records import Log, Lost


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    monkeypatch.setattr("harness.observe.logs._AGAIN_S", 0.0)


class Source:
    """Logs from a script: each attempt on a container takes the next of its items, the last one stays."""

    def __init__(self, **attempts):
        self.attempts = {name: list(items) for name, items in attempts.items()}
        self.asked = []
        self.lock = threading.Lock()

    def logs(self, namespace, pod, container, *, follow, since_ns, previous, stop):
        with self.lock:
            self.asked.append((container, since_ns, previous))
            left = self.attempts[container]
            items = left.pop(0) if len(left) > 1 else left[0]
        for item in items:
            if isinstance(item, threading.Event):
                assert item.wait(5)
            elif isinstance(item, Exception):
                raise item
            elif callable(item):
                item()
            elif item == "follow":
                if follow:
                    stop.wait(5)
            else:
                yield LogLine(*item)


def line(t_ns, text, whole=True):
    return (t_ns, text, whole)


def pod(status, name="p", speaks="true", **meta):
    labels = {"survive.dev/speaks": speaks}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": labels, **meta},
        "status": status,
    }


def running(id_, last=None, name="main"):
    before = {"terminated": {"containerID": last}} if last else {}
    return {"containerStatuses": [{"name": name, "containerID": id_, "state": {"running": {}}, "lastState": before}]}


def ended(id_, name="main"):
    return {"containerStatuses": [{"name": name, "containerID": id_, "state": {"terminated": {"containerID": id_}}}]}


class Seen:
    def __init__(self):
        self.records = []
        self.grown = threading.Condition()

    def add(self, record):
        with self.grown:
            self.records.append(record)
            self.grown.notify_all()

    def wait_for(self, count):
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.records) >= count, 5), self.records

    @property
    def lines(self):
        return [record.line for record in self.records if isinstance(record, Log)]

    @property
    def lost(self):
        return [record.what for record in self.records if isinstance(record, Lost)]


def test_which_instance_a_status_shows():
    (status,) = running("c2", last="c1")["containerStatuses"]
    assert instances(status) == ("c2", True, "c1")
    assert instances(ended("c2")["containerStatuses"][0]) == ("c2", False, "")
    waiting = {
        "name": "m",
        "state": {"waiting": {}},
        "containerID": "c1",
        "lastState": {"terminated": {"containerID": "c1"}},
    }
    assert instances(waiting) == ("", False, "c1")
    assert instances({"name": "m", "state": {"waiting": {"reason": "ContainerCreating"}}}) == ("", False, "")


def test_a_pod_that_does_not_speak_is_not_asked():
    source, seen = Source(), Seen()
    logs = Logs(source, seen.add)
    logs.saw("ADDED", pod(running("c1"), speaks="no"))
    logs.stop(1)
    assert source.asked == []


def test_a_finished_container_is_read_to_its_end():
    source, seen = Source(main=[[line(1, "a"), line(2, "cut", whole=False)]]), Seen()
    logs = Logs(source, seen.add)
    logs.saw("ADDED", pod(ended("c1")))
    logs.stop(5)
    assert seen.lines == ["a", "cut"]
    assert seen.lost == []


def test_stop_ends_the_log_of_a_running_container():
    source, seen = Source(main=[[line(1, "a"), "follow"]]), Seen()
    logs = Logs(source, seen.add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.stop(5)
    assert seen.lines == ["a"]
    assert seen.lost == []


def test_a_running_container_is_read_up_to_the_stop():
    seen = Seen()
    logs = Logs(Source(main=[[line(1, "a"), "follow"], [line(1, "a"), line(2, "b")]]), seen.add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.stop(5)
    assert seen.lines == ["a", "b"]
    assert seen.lost == []


def test_what_started_right_before_the_stop_is_read_though_its_stream_never_began():
    logs = Logs(source := Source(main=[[line(1, "started"), "follow"]]), (seen := Seen()).add)
    logs._stop.set()
    logs.saw("ADDED", pod(running("c1")))
    logs.stop(5)
    assert seen.lines == ["started"]
    assert [container for container, *_ in source.asked] == ["main"]


def test_a_node_that_is_lost_has_nothing_more_to_say_at_the_stop():
    logs = Logs(Source(main=[[line(1, "a"), "follow"], [KubeError("no route to host", 500)]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.stop(5)
    assert (seen.lines, seen.lost) == (["a"], [])


def test_a_broken_stream_is_resumed_without_a_line_lost_or_doubled():
    logs = Logs(source := Source(main=[
        [line(1, "a"), line(2, "b"), line(3, "hal", whole=False), KubeError("broke")],
        [line(1, "a"), line(2, "b"), line(3, "half"), lambda: logs.saw("MODIFIED", pod(ended("c1")))],
        [line(2, "b"), line(3, "half"), line(4, "z")],
    ]), (seen := Seen()).add)  # fmt: skip
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(4)
    logs.stop(5)
    assert seen.lines == ["a", "b", "half", "z"]
    assert seen.lost == []
    assert [since for _, since, _ in source.asked] == [None, 2, 3]


def test_each_instance_is_read_and_the_one_before_by_previous():
    logs = Logs(source := Source(main=[
        [line(1, "a"), lambda: logs.saw("MODIFIED", pod(running("c2", last="c1")))],
        [line(1, "a"), line(2, "bye")],
        [line(5, "new"), "follow"],
    ]), (seen := Seen()).add)  # fmt: skip
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(3)
    logs.stop(5)
    assert seen.lines == ["a", "bye", "new"]
    assert [previous for _, _, previous in source.asked] == [False, True, False, False]  # the last: up to the stop
    assert seen.lost == []


def test_an_instance_that_was_never_seen_running_is_read_too():
    source = Source(main=[[line(1, "first")], [line(5, "second"), "follow"]])
    seen = Seen()
    logs = Logs(source, seen.add)
    logs.saw("ADDED", pod(running("c2", last="c1")))
    seen.wait_for(2)
    logs.stop(5)
    assert seen.lines == ["first", "second"]
    assert [previous for _, _, previous in source.asked] == [True, False, False]


def test_a_log_that_went_with_its_pod_is_lost_unless_it_was_read_to_an_end():
    logs = Logs(Source(main=[[line(1, "a"), KubeError("broke")], [KubeError("gone", 404)]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.saw("DELETED", pod(running("c1")))
    seen.wait_for(2)
    logs.stop(5)
    assert seen.lost == ["the end of a log is lost: gone"]

    logs = Logs(Source(main=[[line(1, "a")], [KubeError("gone", 404)]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.saw("DELETED", pod(running("c1")))
    logs.stop(5)
    assert seen.lines == ["a"]
    assert seen.lost == []


def test_a_log_that_was_moved_away_and_what_the_kubelet_says_are_lost():
    logs = Logs(Source(main=[
        [line(1, "a"), KubeError("broke")],
        [line(9, "z"), (None, "failed to create fsnotify watcher", True), "follow"],
    ]), (seen := Seen()).add)  # fmt: skip
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(4)
    logs.stop(5)
    assert seen.lines == ["a", "z"]
    assert seen.lost[0].startswith("lines of a log may be lost")
    assert seen.lost[1] == "the kubelet says: failed to create fsnotify watcher"


@pytest.mark.parametrize(
    "said",
    [
        "unable to retrieve container logs for containerd://c1",
        'failed to try resolving symlinks in path "/var/log/pods/x/0.log": lstat: no such file or directory.',
    ],
)
def test_a_container_that_was_removed_after_its_log_was_read_lost_nothing(said):
    gone = (None, said, True)
    logs = Logs(Source(main=[[line(1, "a")], [gone]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(1)
    logs.saw("DELETED", pod(running("c1")))
    logs.stop(5)
    assert seen.lines == ["a"]
    assert seen.lost == []


def test_the_next_instances_log_under_the_same_name_is_not_taken_for_a_gap():
    seen = Seen()
    source = Source(main=[
        [line(1, "a")],
        [lambda: logs.saw("MODIFIED", pod(running("c2", last="c1"))), line(5, "new")],
        [line(5, "new"), "follow"],
        [line(5, "new"), "follow"],
    ])  # fmt: skip
    logs = Logs(source, seen.add)
    logs.saw("ADDED", pod(running("c1")))
    seen.wait_for(2)
    logs.stop(5)
    assert seen.lines == ["a", "new"]
    assert seen.lost == []


def test_an_end_that_was_not_read_in_time_is_lost():
    release = threading.Event()
    logs = Logs(Source(main=[[release]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(ended("c1")))
    logs.stop(0.05)
    release.set()
    assert seen.lost == ["the end of a log was not read within 0.05 s"]


def test_a_fault_in_a_thread_is_raised_by_stop():
    logs = Logs(Source(main=[[ZeroDivisionError("fault")]]), Seen().add)
    logs.saw("ADDED", pod(ended("c1")))
    with pytest.raises(ZeroDivisionError):
        logs.stop(5)


def test_every_container_of_a_pod_is_followed():
    status = {**running("c1"), "initContainerStatuses": ended("i1", "init")["containerStatuses"]}
    logs = Logs(Source(main=[[line(1, "m"), "follow"]], init=[[line(1, "i")]]), (seen := Seen()).add)
    logs.saw("ADDED", pod(status))
    seen.wait_for(2)
    logs.stop(5)
    assert {(record.container, record.line) for record in seen.records} == {("main", "m"), ("init", "i")}
