"""Rows take turns at starting containers."""

import contextlib

import pytest

from harness import starts
from harness.records import ContainerSeen, PodSeen


def pod(uid, *states):
    containers = [
        ContainerSeen(f"c{number}", "", 0, state, ready=False, reason=reason)
        for number, (state, reason) in enumerate(states)
    ]
    return PodSeen(0, "MODIFIED", uid, uid, "", "", "Pending", "", False, None, None, {}, [], containers)


CREATING = ("waiting", "ContainerCreating")
RUNNING = ("running", "")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], False),
        ([pod("old", RUNNING)], False),
        ([pod("new")], False),
        ([pod("new", CREATING)], False),
        ([pod("new", RUNNING, CREATING)], False),
        ([pod("new", RUNNING), pod("other", ("waiting", "PodInitializing"))], False),
        ([pod("new", CREATING), pod("new", RUNNING)], True),
        ([pod("new", RUNNING, ("terminated", "Completed"))], True),
        ([pod("new", ("waiting", "CrashLoopBackOff"))], True),
        ([pod("old", CREATING), pod("new", RUNNING)], True),
    ],
)
def test_a_start_is_over_when_no_new_pod_has_a_container_to_start(seen, expected):
    assert starts.started(seen, {"old"}) is expected


class Told:
    """A recorder of pods that turn up one after the other, each time it is asked."""

    def __init__(self, *seen):
        self.seen = list(seen)
        self.asked = 0

    def tail(self, kind, count):
        assert kind is PodSeen
        self.asked += 1
        return self.seen[: self.asked]


def test_the_turn_is_held_until_then():
    held = []

    @contextlib.contextmanager
    def turn():
        held.append("taken")
        yield
        held.append(f"given back after {recorder.asked}")

    recorder = Told(pod("old", RUNNING), pod("new", CREATING), pod("new", RUNNING), pod("later", CREATING))
    with starts.in_turn(turn(), recorder):
        held.append("made")
    assert held == ["taken", "made", "given back after 3"]


def test_a_pod_that_never_starts_keeps_others_waiting_only_so_long(monkeypatch):
    monkeypatch.setattr(starts, "STARTS_S", 0.0)
    with starts.in_turn(contextlib.nullcontext(), Told(pod("new"))):
        pass
