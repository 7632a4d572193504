import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import trend
from reports.nights import ERRORS, FAILOVER, OUTAGE

SEEDS = range(400)


def wobble(seed: int, nights: int, middle: float = 2.0, spread: float = 0.15) -> list[float]:
    """Nights without any change: lognormal around the middle."""
    chance = random.Random(seed)
    return [middle * chance.lognormvariate(0, spread) for _ in range(nights)]


def alarms(nights: list[float], since: int = 0, what: str = OUTAGE) -> list[int]:
    """After which nights the verdict was `slower`."""
    return [n for n in range(since, len(nights)) if trend.judge(what, nights[: n + 1]).status == "slower"]


def test_the_exact_test_is_that_of_all_orders() -> None:
    assert trend.rank_p([4, 5, 6], [1, 2, 3]) == pytest.approx(1 / 20)
    assert trend.rank_p([1, 2, 3], [4, 5, 6]) == 1.0
    assert trend.rank_p([5], [1, 2, 3, 4]) == pytest.approx(1 / 5)
    assert trend.rank_p([1, 1], [1, 1, 1]) == 1.0
    assert trend.rank_p([2, 2], [0, 0, 2]) == pytest.approx(3 / 10)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=3), st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_p_is_a_probability_and_never_below_one_order_of_all(recent: list[float], before: list[float]) -> None:
    assert 0 < trend.rank_p(recent, before) <= 1
    assert trend.rank_p(recent, [max(recent) + 1] * len(before)) == 1.0


def test_nothing_is_judged_before_enough_nights() -> None:
    for nights in range(1, trend.LEAST + 1):
        assert trend.judge(OUTAGE, [1.0] * (nights - 1) + [99.0]).status == "new"
    assert trend.judge(OUTAGE, [1.0] * trend.LEAST + [99.0]).status == "watch"


def test_the_percentile_is_none_before_a_hundred_nights() -> None:
    assert trend.judge(OUTAGE, wobble(1, 100)).limit is None
    assert trend.judge(OUTAGE, wobble(1, 101)).limit is not None


def test_a_jump_is_told_in_its_third_night_and_not_in_its_first() -> None:
    found = [alarms(wobble(seed, 30) + wobble(seed + 1000, 5, 3.5), 30) for seed in SEEDS]
    assert sum(30 in one for one in found) / len(found) < 0.02  # where two chance nights went before it
    assert sum(32 in one for one in found) / len(found) > 0.9


def test_with_a_hundred_nights_before_it_a_jump_is_told_at_once() -> None:
    found = [alarms([*wobble(seed, 120), 5.0], 120) for seed in range(40)]
    assert all(one == [120] for one in found)


def test_a_drift_is_told_in_the_end() -> None:
    drifting = [[v * (1 + 0.03 * n) for n, v in enumerate(wobble(seed, 60))] for seed in range(60)]
    assert sum(bool(alarms(one)) for one in drifting) / len(drifting) > 0.8


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.4])
def test_what_only_wobbles_is_hardly_ever_told(spread: float) -> None:
    """At most two false alarms in a thousand nights of a row."""
    judged = [trend.judge(OUTAGE, wobble(seed, 33, spread=spread)).status for seed in range(2000)]
    assert judged.count("slower") <= 4


def test_the_longest_known_history_keeps_false_alarms_to_its_percentile() -> None:
    judged = [trend.judge(OUTAGE, wobble(seed, 130, spread=0.4)).status for seed in range(1000)]
    assert judged.count("slower") / 1000 < 0.025


def test_a_step_that_does_not_matter_is_not_told_however_sure_it_is() -> None:
    assert not alarms([0.100 + n % 3 * 1e-4 for n in range(40)] + [0.150] * 5)
    assert not alarms([18.0 + n % 3 * 0.1 for n in range(40)] + [20.0] * 5, what=FAILOVER)


def test_errors_where_there_were_none_are_told_in_their_third_night() -> None:
    assert alarms([0.0] * 30 + [0.02] * 3, what=ERRORS) == [32]
    assert not alarms([0.0] * 30 + [0.001] * 3, what=ERRORS)


def test_what_became_quicker_is_no_alarm() -> None:
    assert not alarms(wobble(3, 40, 3.0) + wobble(4, 10, 1.0))
