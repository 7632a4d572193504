import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.bounds import per_request, per_restart, percent, upper_bound


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
