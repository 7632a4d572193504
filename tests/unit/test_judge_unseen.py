import histories as made
import pytest

from harness.judge.traffic import traffic
from harness.judge.unseen import certain_s, spacing_s, statement


def test_no_errors_are_bounds_per_request_and_per_restart_and_say_what_would_have_been_seen():
    told = traffic(made.requests(made.steady(10.55)), restarts=1)
    assert told.restarts_failing_below == pytest.approx(0.95)
    assert told.certain_s == pytest.approx(0.011)
    assert told.statement == (
        "0 of 1,055 requests failed: below 0.29 % at 95 %; 0 of 1 restart failed: below 95.0 % at 95 %."
        " An outage of the whole Service longer than 11.0 ms would surely have been seen; a shorter one, of L ms, with"
        " the probability L/10; that of one backend of k more rarely."
    )


def test_errors_are_a_bound_too_and_prove_nothing_of_restarts():
    told = traffic(made.requests(made.steady(10, bad=(5, 5.2))), restarts=1)
    assert told.statement == "20 of 1,000 requests failed: below 2.90 % at 95 %."
    assert told.restarts_failing_below is None


def test_nothing_measured_proves_nothing():
    assert traffic(made.requests([])).statement == "No request was measured."
    assert certain_s(made.requests([])) is None
    assert spacing_s(made.requests([made.row(0)])) is None
    assert statement(0, 5, 0, None, None) == "0 of 5 requests failed: below 45.1 % at 95 %."


def test_what_is_unknown_hides_an_outage_and_what_failed_does_not():
    rows = [made.row(n * 0.01, error="unknown" if n in (50, 51) else "") for n in range(100)]
    assert certain_s(made.requests(rows)) == pytest.approx(0.031)
    rows = [made.row(n * 0.01, error="refused" if n in (50, 51) else "") for n in range(100)]
    assert certain_s(made.requests(rows)) == pytest.approx(0.011)


def test_a_slow_answer_may_have_come_after_an_outage():
    rows = [made.row(n * 0.01, took_ms=300 if n >= 50 else 1) for n in range(100)]
    assert certain_s(made.requests(rows)) == pytest.approx(0.31)
