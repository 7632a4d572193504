import pytest

from harness import wait
from harness.errors import WaitTimeout


class Time:
    def __init__(self):
        self.now = 100.0
        self.slept = []

    def sleep(self, duration):
        self.slept.append(duration)
        self.now += duration

    def until(self, condition, what="it", timeout_s=1.0, every_s=0.4, last=None):
        return wait.until(condition, what, timeout_s, every_s, last, clock=lambda: self.now, sleep=self.sleep)


def test_gives_what_the_condition_gives():
    answers = iter([None, False, "met"])
    time = Time()
    assert time.until(lambda: next(answers)) == "met"
    assert time.slept == [0.4, 0.4]


def test_zero_and_empty_are_met():
    assert Time().until(lambda: 0) == 0
    assert Time().until(list) == []


def test_asks_once_more_at_the_deadline():
    time = Time()
    assert time.until(lambda: "late" if time.now >= 101.0 else None) == "late"
    assert time.slept == pytest.approx([0.4, 0.4, 0.2])


def test_says_what_it_last_saw():
    time = Time()
    with pytest.raises(WaitTimeout, match=r"waited 1 s for the pod; last seen: moment 101.0"):
        time.until(lambda: None, "the pod", last=lambda: f"moment {time.now}")


def test_asks_at_least_once():
    assert Time().until(lambda: "now", timeout_s=0.0) == "now"
    with pytest.raises(WaitTimeout, match=r"waited 0 s for it$"):
        Time().until(lambda: None, timeout_s=0.0)
