import histories as made
import numpy as np
import pytest

from harness.judge.latency import latency


def test_percentiles_agree_with_sorting_to_three_digits():
    took = np.random.default_rng(1).lognormal(1, 1, 5000)
    found = latency(made.requests([made.row(n * 0.01, t) for n, t in enumerate(took)]))
    assert found is not None
    assert found.p50 == pytest.approx(np.percentile(took, 50), rel=0.003)
    assert found.p99 == pytest.approx(np.percentile(took, 99), rel=0.01)
    assert found.max == pytest.approx(took.max(), rel=1e-3)


def test_counts_from_the_schedule_and_only_good_requests():
    rows = [made.row(0, 1, lag_ms=99), made.row(1, 5000, "timeout"), made.row(2, 9000, "unknown")]
    found = latency(made.requests(rows))
    assert found is not None
    assert found.max == 100


def test_nothing_answered():
    assert latency(made.requests([made.row(0, error="refused")])) is None
