"""When an open loop's requests are due."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from workloads.load.rows import wall_ns
from workloads.load.ticks import Ticks, share


def taken(ticks: Ticks, now_ns: int) -> list[int]:
    return list(iter(lambda: ticks.take(now_ns), None))


def test_none_before_it_is_due_and_none_left_out():
    ticks = Ticks(100, 10)
    assert ticks.take(99) is None
    assert taken(ticks, 125) == [100, 110, 120]
    assert ticks.take(129) is None
    assert ticks.take(130) == 130
    assert ticks.scheduled == 4


def test_a_count_ends_it():
    ticks = Ticks(0, 10, 3)
    assert taken(ticks, 1_000) == [0, 10, 20]
    assert ticks.over
    assert not Ticks(0, 10).over


@given(workers=st.integers(2, 8), interval=st.integers(1, 50), starts=st.lists(st.integers(0, 1_000), min_size=8))
def test_the_workers_shares_are_the_whole_schedule(workers, interval, starts):
    """Wherever each worker begins, together they send at each tick from the last one's begin on, and never twice."""
    shares = [share(starts[n], interval, n, workers) for n in range(workers)]
    assert all(start <= one.due_ns < start + workers * interval for one, start in zip(shares, starts, strict=False))
    from_ns = max(starts)
    until_ns = from_ns + 3 * workers * interval
    due = sorted(tick for one in shares for tick in taken(one, until_ns) if tick >= from_ns)
    assert [b - a for a, b in itertools.pairwise(due)] == [interval] * (len(due) - 1)
    assert len(due) >= 3 * workers - 1
    assert all(wall_ns(tick) % interval == 0 for tick in due)


def test_a_lone_worker_begins_at_once():
    assert share(123, 10, 0, 1).due_ns == 123
