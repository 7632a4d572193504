import histories as made
import pytest

from harness import results
from harness.judge.expect import (
    ErrorRate,
    ExitCode,
    Latency,
    NoErrors,
    NoOutage,
    Outage,
    Restarts,
    Seen,
    SomeErrors,
    Timing,
)
from harness.judge.expect_leaders import Failover, Handover, Moves, NoOverlap, Overlap
from harness.judge.expectation import Evidence


def evidence(*traffic, failover=None, records=(), timings=None):
    named = {f"p{n}": one for n, one in enumerate(traffic)}
    return Evidence(made.history(*records), named, failover, results.Noise(quiet=True), timings or {})


def outage(low, estimate, high, **more):
    return results.Outage(low_s=low, estimate_s=estimate, high_s=high, start_ns=0, end_ns=1, failed=1, **more)


def traffic(requests=1000, errors=0, unknown=0, outages=(), p99=5.0):
    return results.Traffic(
        requests=requests, errors=errors, error_rate=errors / max(requests, 1), error_rate_below=0.5, unknown=unknown,
        outages=list(outages), latency_ms=results.Latency(p50=1, p99=p99, max=p99),
    )  # fmt: skip


@pytest.mark.parametrize(("errors", "unknown", "holds"), [(0, 0, True), (1, 0, False), (0, 1, None), (1, 1, False)])
def test_no_errors(errors, unknown, holds):
    assert NoErrors()(evidence(traffic(errors=errors, unknown=unknown))).holds is holds


@pytest.mark.parametrize(("errors", "unknown", "holds"), [(10, 0, True), (11, 0, False), (9, 2, None), (0, 0, True)])
def test_error_rate(errors, unknown, holds):
    assert ErrorRate(at_most=0.01)(evidence(traffic(errors=errors, unknown=unknown))).holds is holds


@pytest.mark.parametrize(("errors", "unknown", "holds"), [(1, 0, True), (0, 0, False), (0, 1, None)])
def test_some_errors(errors, unknown, holds):
    assert SomeErrors()(evidence(traffic(errors=errors, unknown=unknown))).holds is holds


@pytest.mark.parametrize(
    "expect", [NoErrors(), SomeErrors(), NoOutage(), Outage(at_least_s=1), Latency(p99_ms_at_most=9)]
)
def test_nothing_measured_cannot_be_told(expect):
    assert expect(evidence()).holds is None
    assert expect(evidence(traffic(requests=0))).holds is None
    assert type(expect)(**{name: getattr(expect, name) for name in given(expect)} | {"probe": "other"})(
        evidence(traffic())
    ).holds is None  # fmt: skip


def given(expect):
    return [name for name in ("at_most", "at_most_s", "at_least_s", "p99_ms_at_most") if hasattr(expect, name)]


@pytest.mark.parametrize(
    ("bracket", "least", "most"),
    [
        ((1.9, 2.0, 2.1), True, True),
        ((0.9, 1.0, 1.1), None, True),
        ((2.9, 3.0, 3.1), True, None),
        ((3.1, 3.2, 3.3), True, False),
        ((0.5, 0.6, 0.7), False, True),
    ],
)
def test_outage_by_its_whole_bracket(bracket, least, most):
    seen = evidence(traffic(outages=[outage(*bracket)]))
    assert Outage(at_least_s=1)(seen).holds is least
    assert Outage(at_most_s=3)(seen).holds is most
    assert NoOutage()(seen).holds is False


def test_outage_that_has_not_ended_has_no_upper_bound():
    seen = evidence(traffic(outages=[outage(0.5, 0.6, 0.7, ended=False)]))
    assert Outage(at_least_s=1)(seen).holds is None
    assert Outage(at_most_s=1)(seen).holds is None
    assert "not ended" in Outage(at_most_s=1)(seen).seen


def test_no_outage():
    assert NoOutage()(evidence(traffic())).holds is True
    assert NoOutage()(evidence(traffic(unknown=1))).holds is None
    assert Outage(at_least_s=0.5)(evidence(traffic())).holds is False
    assert NoOutage()(evidence(traffic(), traffic(outages=[outage(0, 0.01, 0.02)]))).holds is False
    assert NoOutage(probe="p0")(evidence(traffic(), traffic(outages=[outage(0, 0.01, 0.02)]))).holds is True


def test_latency_of_the_worst_prober():
    assert Latency(p99_ms_at_most=10)(evidence(traffic(p99=5), traffic(p99=11))).holds is False
    assert Latency(p99_ms_at_most=10)(evidence(traffic(p99=5), traffic(p99=9))).holds is True


def passed(low, high, since=17.0, error=0.0, **more):
    one = results.Handover(
        old="a", new="b", gap_s=high, first_work_ns=0, since_last_renewal_s=since, clock_error_s=error
    )  # fmt: skip
    return results.Failover(low_s=low, estimate_s=low, high_s=high, handovers=[one], **more)


@pytest.mark.parametrize(
    ("since", "error", "holds"),
    [(17.0, 0, True), (14.9, 0, False), (24.0, 0, False), (None, 0, None), (15.1, 0.2, None), (14.7, 0.2, False)],
)
def test_handover(since, error, holds):
    judged = Handover(after_last_renewal_s=(15, 23.8))(evidence(failover=passed(1, 2, since, error)))
    assert judged.holds is holds


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(1, 2, True), (3.9, 4.1, None), (5, 6, False), (0.1, 0.2, False), (0.4, 0.6, None)]
)
def test_failover(low, high, holds):
    assert Failover(at_least_s=0.5, at_most_s=4)(evidence(failover=passed(low, high))).holds is holds


def test_all_failovers_together():
    found = evidence(failover=passed(1, 2, total_low_s=3, total_estimate_s=3.5, total_high_s=4))
    assert Failover(at_most_s=3.9, total=True)(found).holds is None
    assert Failover(at_most_s=4, total=True)(found).holds is True


def test_moves():
    assert Moves(at_most=1)(evidence(failover=passed(1, 2))).holds is True
    assert Moves(at_least=2, at_most=3)(evidence(failover=passed(1, 2))).holds is False
    assert Moves(at_most=3)(evidence()).holds is False


def test_no_leader_came():
    assert Failover(at_most_s=4)(evidence()).holds is False
    assert Handover(after_last_renewal_s=(15, 23.8))(evidence()).holds is False
    assert NoOverlap()(evidence()).holds is None
    assert Overlap(at_least_s=1, at_most_s=2)(evidence()).holds is None


@pytest.mark.parametrize(("stale", "unsure", "holds"), [(0, 0, True), (1, 0, False), (0, 1, None), (1, 1, False)])
def test_no_overlap(stale, unsure, holds):
    assert NoOverlap()(evidence(failover=passed(0, 1, stale=stale, stale_unsure=unsure))).holds is holds


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(1.5, 1.6, True), (0.9, 1.1, None), (0.0, 0.0, False), (2.1, 2.2, False)]
)
def test_overlap(low, high, holds):
    found = evidence(failover=passed(0, 1, overlap_s=low, overlap_high_s=high))
    assert Overlap(at_least_s=1, at_most_s=2)(found).holds is holds


def test_restarts_and_exit_codes():
    dead = made.container(1, last_exit_code=137, last_reason="Error")
    records = [
        made.pod(0, containers=[made.container()]),
        made.pod(1, containers=[dead]),
        made.pod(0, "b", labels={"x": "y"}),
    ]
    seen = evidence(records=records)
    assert Restarts(count=1)(seen).holds is True
    assert Restarts(count=0)(seen).holds is False
    assert Restarts(count=0, labels=(("x", "y"),))(seen).holds is True
    assert Restarts(count=0)(evidence()).holds is None
    assert ExitCode(code=137)(seen).holds is True
    assert ExitCode(code=0)(seen).holds is False
    assert ExitCode(code=0, container="other")(seen).holds is None


def test_timing():
    seen = evidence(timings={"exit_s": 2.0})
    assert Timing(name="exit_s", at_least=1, at_most=3)(seen).holds is True
    assert Timing(name="exit_s", at_most=1)(seen).holds is False
    assert Timing(name="gone_s", at_most=1)(seen).holds is None


@pytest.mark.parametrize("answer", [True, False, None])
def test_seen(answer):
    assert Seen("a condition", lambda _: answer)(evidence()).holds is answer


LOGIC = [True, False, None]


@pytest.mark.parametrize("a", LOGIC)
@pytest.mark.parametrize("b", LOGIC)
def test_joined(a, b):
    first, second = Seen("a", lambda _: a, reason="r"), Seen("b", lambda _: b, reason="s")
    both, either = (first & second)(evidence()), (first | second)(evidence())
    assert both.holds is (False if False in (a, b) else None if None in (a, b) else True)
    assert either.holds is (True if True in (a, b) else None if None in (a, b) else False)
    assert both.what == "a and b"
    assert either.reason == "r; s"


def test_reason_is_kept():
    assert NoErrors(reason="the talk")(evidence(traffic())).reason == "the talk"
