import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results import Traffic, Use
from reports.budget import cost, words


def a_traffic(errors: int, requests: int = 1000, restarts: int = 1, rate: float | None = 100.0) -> Traffic:
    return Traffic(
        requests=requests, errors=errors, error_rate=errors / requests, error_rate_below=(errors + 3) / requests,
        restarts=restarts, rate_per_s=rate,
    )  # fmt: skip


def test_a_restart_s_failures_at_the_user_s_rate_and_of_the_budget() -> None:
    found = cost(a_traffic(200), Use(rate_per_s=500, deploys_a_day=5, slo_percent=99.9))
    assert found is not None
    assert found.failed == pytest.approx(1000)
    assert found.failed_a_day == pytest.approx(5000)
    # 500/s are 43,200,000 requests a day, of which 0.1 % may fail.
    assert found.share == pytest.approx(5000 / 43_200)
    assert (
        words(found)
        == "1,000 failed a restart at 500/s; with 5 deploys a day 5,000, 11.6 % of the error budget of 99.9 %"
    )


def test_without_options_it_is_the_measured_rate_and_one_deploy_a_day() -> None:
    found = cost(a_traffic(200, restarts=2), None)
    assert found is not None
    assert (found.rate_per_s, found.failed, found.failed_a_day) == (100, 100, 100)
    assert words(found).startswith("100 failed a restart at 100/s; with 1 deploy a day 100, 1.16 %")


def test_no_failure_is_a_bound() -> None:
    found = cost(a_traffic(0), None)
    assert found is not None
    assert found.bound
    assert words(found).startswith(
        "at most 3 failed a restart at 100/s; with 1 deploy a day at most 3, at most 0.035 %"
    )


def test_without_traffic_or_its_rate_nothing_is_said() -> None:
    assert cost(None, Use()) is None
    assert cost(a_traffic(1, rate=None), Use()) is None


@given(st.integers(1, 1000), st.floats(0.1, 1e6), st.floats(0.1, 100), st.floats(50, 99.999))
def test_the_share_does_not_depend_on_the_rate(errors: int, rate: float, deploys: float, slo: float) -> None:
    one, other = (cost(a_traffic(errors), Use(rate_per_s=r, deploys_a_day=deploys, slo_percent=slo)) for r in (rate, 1))
    assert one is not None
    assert other is not None
    assert one.share == pytest.approx(other.share)
