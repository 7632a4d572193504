"""Evictions that a budget refuses: what is asked, written down and said at the end."""

import pytest

from harness.disrupt import EvictBlocked, Site
from harness.disrupt.evict import ask, evict_all
from harness.errors import KubeError, WaitTimeout

POD = {
    "metadata": {"name": "a", "uid": "u", "creationTimestamp": "t"},
    "status": {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]},
}
BODY = '{"message": "Cannot evict.", "details": {"causes": [{"reason": "DisruptionBudget", "message": "It needs 1."}]}}'


class FakeKube:
    """Refuses `refusals` times, with this status."""

    def __init__(self, refusals, status=429):
        self.refusals, self.status, self.asked = refusals, status, []

    def evict(self, name, namespace, *, dry_run):
        self.asked.append((name, namespace, dry_run))
        if len(self.asked) <= self.refusals:
            raise KubeError("no", self.status, body=BODY)

    def list(self, *_, **__):
        return [POD]


class Recorder:
    def __init__(self):
        self.records = []

    def add(self, record):
        self.records.append(record)

    def told(self):
        return [(one.verb, one.status) for one in self.records]


@pytest.fixture
def recorder():
    return Recorder()


def test_a_refusal_is_written_down_with_its_reason(recorder):
    assert ask(Site(FakeKube(1), "ns", recorder), POD) == "Cannot evict. It needs 1."
    assert recorder.told() == [("evict", "begin"), ("evict", "refused")]
    assert recorder.records[1].detail["body"] == BODY


def test_a_dry_run_evicts_nothing(recorder):
    kube = FakeKube(0)
    assert ask(Site(kube, "ns", recorder), POD, dry_run=True) == ""
    assert kube.asked == [("a", "ns", True)]
    assert recorder.told() == [("ask-eviction", "begin"), ("ask-eviction", "done")]


def test_any_other_answer_is_an_error(recorder):
    with pytest.raises(KubeError):
        ask(Site(FakeKube(1, 500), "ns", recorder), POD)


def test_what_was_refused_is_asked_again(recorder):
    kube = FakeKube(2)
    evict_all(Site(kube, "ns", recorder), [POD], 5, 0)
    assert len(kube.asked) == 3
    assert recorder.told()[-1] == ("evict", "done")


def test_the_bound_says_who_was_refused_and_why(recorder):
    with pytest.raises(WaitTimeout, match=r"waited 0 s .* pod a: Cannot evict\. It needs 1\."):
        evict_all(Site(FakeKube(9), "ns", recorder), [POD], 0, 0)


def test_blocked_it_gives_up_and_says_why(recorder):
    EvictBlocked({"app": "a"}, bound_s=0).act(Site(FakeKube(9), "ns", recorder))
    last = recorder.records[-1]
    assert (last.verb, last.status, last.uid) == ("give-up", "done", "u")
    assert "It needs 1." in last.detail["why"]


def test_let_go_it_does_not_give_up(recorder):
    EvictBlocked({"app": "a"}, bound_s=1).act(Site(FakeKube(0), "ns", recorder))
    assert recorder.told() == [("evict", "begin"), ("evict", "done")]
