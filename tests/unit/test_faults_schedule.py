"""When which fault comes, decided without a clock."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.faults.schedule import NS_PER_MS, Schedule, Window


def test_every_fifth_in_turn():
    schedule = Schedule(every=5, faults=("fin", "rst"))
    told = [schedule.at(0, 0, 1)[0] for _ in range(20)]
    assert told == [*[""] * 4, "fin", *[""] * 4, "rst"] * 2


def test_only_reused_connections_count():
    schedule = Schedule(every=2, faults=("fin",), reused=True)
    assert [schedule.at(0, 0, use)[0] for use in (1, 1, 1, 2, 1, 3)] == ["", "", "", "", "", "fin"]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_one_of_k_connections_is_hit_by_chance_and_each_of_its_requests_alike(k):
    schedule = Schedule(every=1, faults=("rst",), one_of=k)
    first, again = ([schedule.at(0, one, use)[0] == "rst" for one in range(2000)] for use in (1, 2))
    assert first == again
    assert abs(sum(first) / 2000 - 1 / k) <= 4 * (1 / k * (1 - 1 / k) / 2000) ** 0.5
    runs = sum(a and b for a, b in itertools.pairwise(first))  # two in a row: the chance has no memory
    assert abs(runs / 1999 - 1 / k**2) <= 5 * (1 / k**2 * (1 - 1 / k**2) / 1999) ** 0.5


spans = st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 300)), max_size=6)


@given(spans=spans, moments=st.lists(st.integers(0, 1500), max_size=40))
def test_a_request_within_a_window_has_its_fault(spans, moments):
    windows = [Window("rst", start, start + length) for start, length in spans]
    schedule = Schedule(windows=windows)
    for moment in sorted(moments):
        fault, end = schedule.at(moment, 0, 1)
        holding = [one.end_ns for one in windows if one.start_ns <= moment < one.end_ns]
        assert (fault, end in holding) == (("rst", True) if holding else ("", False))


def test_the_listeners_fault_is_none_of_a_request():
    assert Schedule(windows=[Window("refuse", 0, 10)]).at(5, 0, 1) == ("", 0)


def test_a_window_in_words():
    assert Window.parse("rst:1.5:20") == Window("rst", 3 * NS_PER_MS // 2, 43 * NS_PER_MS // 2)


@pytest.mark.parametrize("text", ["rst:1", "explode:1:1", "rst:-1:1", "rst:1:0", "rst:a:1"])
def test_no_window(text):
    with pytest.raises(ValueError):  # noqa: PT011 - argparse tells its message, whichever it is
        Window.parse(text)


@pytest.mark.parametrize("options", [{"every": 5}, {"every": 1, "faults": ["x"]}, {"every": 1, "faults": ["refuse"]}])
def test_no_schedule(options):
    with pytest.raises(ValueError, match=r"fault"):
        Schedule(**options)
