import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.bounds import (
    per_request,
    per_restart,
    percent,
    quantile_at_most,
    restarts_needed,
    upper_bound,
)


def tail(k, n, p):
    """P(X <= k), by adding up exact binomials."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_bound_is_where_the_tail_is_five_per_cent(case):
    k, n = case
    assert tail(k, n, upper_bound(k, n)) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("n", [1, 59, 299, 1_000_000])
def test_no_failure(n):
    assert upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-9)


def test_planned_figures():
    assert upper_bound(0, 59) < 0.05 < upper_bound(0, 58)
    assert upper_bound(0, 299) < 0.01 < upper_bound(0, 298)


def test_edges():
    assert upper_bound(0, 0) == 1
    assert upper_bound(7, 7) == 1
    assert upper_bound(0, 10, confidence=0.99) > upper_bound(0, 10)
    for wrong in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="failures of"):
            upper_bound(*wrong)


def test_large_counts_are_near_the_normal_bound():
    p, n = 0.3, 1_000_000
    assert upper_bound(int(p * n), n) == pytest.approx(p + 1.6449 * math.sqrt(p * (1 - p) / n), abs=2e-6)


def test_words():
    assert per_request(0, 299) == "0 of 299 requests failed: below 1.00 % at 95 %"
    assert per_restart(0, 59).startswith("0 of 59 restarts failed: below 4.96 % at 95 %")
    assert per_restart(0, 1) == "0 of 1 restart failed: below 95.0 % at 95 %"
    assert percent(0.5) == "50 %"
    assert percent(0.00058) == "0.058 %"


@pytest.mark.parametrize(("below", "restarts"), [(0.05, 59), (0.01, 299), (0.5, 5)])
def test_how_many_restarts_show_how_much(below, restarts):
    assert restarts_needed(below) == restarts
    assert upper_bound(0, restarts) <= below < upper_bound(0, restarts - 1)
    assert restarts_needed(below, 0.99) > restarts


@pytest.mark.parametrize(("share", "count"), [(0.5, 5), (0.9, 29), (0.95, 59)])
def test_the_greatest_of_so_many_bounds_a_share_and_of_fewer_does_not(share, count):
    assert quantile_at_most(range(count), share) == count - 1
    assert quantile_at_most(range(count - 1), share) is None
    assert quantile_at_most([], share) is None


@given(st.integers(1, 300), st.sampled_from([0.5, 0.9, 0.95]))
def test_an_order_statistic_is_below_its_quantile_as_seldom_as_is_said(n, share):
    """The k-th least of n is below the quantile if at least k of n are, each of which is so with the chance `share`."""
    found = quantile_at_most(range(1, n + 1), share)
    missed = [
        math.fsum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k, n + 1)) for k in range(n + 2)
    ]
    if found is not None:
        assert missed[int(found)] <= 0.05 + 1e-9
        assert missed[int(found) - 1] > 0.05 - 1e-9
    else:
        assert missed[n] > 0.05 - 1e-9
