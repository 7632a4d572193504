"""The search for the least settings, against truths that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tune.search import Point, Search, Trial, within

NUMBERS = (2, 1, 1, 15)
"""The most of each number, as of an app of which all may have to change."""

points = st.tuples(*(st.integers(0, most) for most in NUMBERS))
truths = st.lists(points, min_size=1, max_size=4)
"""A point holds if and only if it has as much of everything as one of these."""


def holds(truth: list[Point], point: Point) -> bool:
    return any(within(one, point) for one in truth)


def run(search: Search, truth: list[Point], side_by_side: int, lucky: int = 0) -> int:
    """Search to the end; how many points were tried. The first `lucky` trials hold whatever the truth is."""
    tried = 0
    while wanted := search.next(side_by_side):
        assert len(wanted) <= side_by_side
        assert len(set(wanted)) == len(wanted)
        assert not any(search.out(one) for one in wanted)
        for one in wanted:
            tried += 1
            assert within(search.least, one)
            assert within(one, search.most)
            search.tell(Trial(one, 3, 0 if holds(truth, one) or tried <= lucky else 1))
        assert tried < 100
    return tried


@given(truths, st.integers(0, 15), st.integers(1, 4))
def test_it_finds_what_cannot_do_with_less_of_anything(truth, begin, side_by_side):
    search = Search((0, 0, 0, 0), NUMBERS, (0, 0, 0, begin))
    run(search, truth, side_by_side)
    if not holds(truth, NUMBERS):
        assert search.hopeless
        assert search.best is None
        return
    best = search.best
    assert best is not None
    assert holds(truth, best)
    less = [(*best[:n], best[n] - 1, *best[n + 1 :]) for n in range(4) if best[n]]
    assert not any(holds(truth, one) for one in less)


@given(truths, st.integers(0, 15), st.integers(1, 4))
def test_what_a_sleep_alone_mends_costs_nothing_else(truth, begin, side_by_side):
    search = Search((0, 0, 0, 0), NUMBERS, (0, 0, 0, begin))
    run(search, truth, side_by_side)
    sleeps = [sleep_s for sleep_s in range(16) if holds(truth, (0, 0, 0, sleep_s))]
    if sleeps:
        assert search.best == (0, 0, 0, sleeps[0])


@given(truths, st.integers(0, 15), st.integers(1, 4), st.integers(0, 20))
def test_what_it_proposes_its_own_evidence_does_not_speak_against(truth, begin, side_by_side, lucky):
    search = Search((0, 0, 0, 0), NUMBERS, (0, 0, 0, begin))
    run(search, truth, side_by_side, lucky)
    if search.best is not None:
        assert not any(one.failed and within(search.best, one.point) for one in search.trials)
        assert any(one.point == search.best and not one.failed for one in search.trials)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 4))
def test_a_sleep_is_found_in_few_trials(truth_s, begin, side_by_side):
    search = Search((0,), (60,), (begin,))
    tried = run(search, [(truth_s,)], side_by_side)
    assert search.best == (truth_s,)
    assert tried <= 2 + 8 * side_by_side


def test_it_begins_where_it_is_told_and_below():
    search = Search((0, 0), (1, 15), (0, 4))
    assert search.next(3) == [(0, 4), (0, 1), (0, 3)]
    assert search.next(1) == [(0, 4)]


def test_only_if_the_longest_sleep_fails_more_is_tried():
    search = Search((0, 0), (1, 15), (0, 4))
    search.tell(Trial((0, 4), 1, 1))
    assert search.next(3) == [(0, 15), (1, 15)]
    search.tell(Trial((0, 15), 3, 0))
    search.tell(Trial((1, 15), 3, 0))
    assert search.best == (0, 15)
    assert all(point[0] == 0 for point in search.next(3))


def test_a_failure_puts_all_out_that_have_less():
    search = Search((0, 0), (2, 9), (0, 3))
    search.tell(Trial((1, 5), 3, 0))
    search.tell(Trial((1, 5), 4, 1))
    assert search.best is None
    assert [search.out(point) for point in ((1, 5), (0, 5), (1, 4), (1, 6), (2, 5))] == [True, True, True, False, False]
    assert list(search.tried()) == [Trial((1, 5), 7, 1)]


@pytest.mark.parametrize("side_by_side", [1, 2, 3])
def test_what_could_not_be_told_is_asked_again(side_by_side):
    search = Search((0,), (9,), (3,))
    first = search.next(side_by_side)
    assert search.next(side_by_side) == first
