import math
import time

import histories as made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judge.outages import outages, stalls, windows

SPACING = 0.01


def run(kind, a, b, phase, seed, *, deadline=0.5, total=6.0, jitter=0.0004):
    """A prober against a server that is down in [a, b): arrivals and answers take up to `jitter` each way."""
    rng = np.random.default_rng(seed)
    sent = np.arange(phase, total, SPACING) + rng.uniform(0, 0.001, len(np.arange(phase, total, SPACING)))
    arrive = sent + rng.uniform(0, jitter, len(sent))
    back = rng.uniform(0, jitter, len(sent))
    down = (arrive >= a) & (arrive < b)
    if kind == "hang":
        end = np.where(down, sent + deadline, arrive + back)
        errors = ["timeout" if d else "" for d in down]
    elif kind == "paused":
        # A stopped process: what waits is answered as it goes on, unless its deadline passed.
        answered = np.where(down, b, arrive) + back
        over = answered - sent > deadline
        end = np.where(over, sent + deadline, answered)
        errors = ["timeout" if o else "" for o in over]
    elif kind == "frozen":
        # Requests take 30 ms; those in flight at `a` are never answered, as are those that come until `b`.
        lost = (arrive + 0.03 >= a) & (arrive < b)
        end = np.where(lost, sent + deadline, arrive + 0.03 + back)
        errors = ["timeout" if one else "" for one in lost]
    elif kind == "cut":
        # Requests take 30 ms; those in flight at `a` are reset, later ones refused.
        finish = arrive + 0.03
        cut = (arrive < a) & (finish >= a)
        end = np.where(cut, a, np.where(down, arrive, finish)) + back
        errors = ["reset" if c else "refused" if d else "" for c, d in zip(cut, down, strict=True)]
    else:
        end = arrive + back
        errors = [kind if d else "" for d in down]
    return made.from_arrays(sent, end, errors)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["refused", "closed", "hang", "frozen", "cut", "paused"]),
    a=st.floats(1, 2),
    length=st.floats(0.02, 3),
    phase=st.floats(0, SPACING),
    seed=st.integers(0, 2**32),
)
def test_bracket_holds_truth(kind, a, length, phase, seed):
    found = outages(run(kind, a, a + length, phase, seed))
    if not found:
        assert kind == "paused"
        assert length <= 0.51
        return
    assert len(found) == 1
    outage = found[0]
    assert not outage.partial
    assert outage.ended
    assert outage.low_s <= length + 1e-6
    assert length - 1e-6 <= outage.high_s
    assert outage.low_s <= outage.estimate_s <= outage.high_s


@pytest.mark.parametrize("kind", ["refused", "closed", "hang", "paused"])
def test_estimate_has_no_bias(kind):
    rng = np.random.default_rng(7)
    errors, starts = [], []
    for seed in range(200):
        a, length = rng.uniform(1, 2), rng.uniform(0.02 if kind != "paused" else 0.6, 2)
        outage = outages(run(kind, a, a + length, rng.uniform(0, SPACING), seed, total=5))[0]
        errors.append(outage.estimate_s - length)
        starts.append((outage.start_ns - made.at(a)) / 1e9)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / math.sqrt(len(errors)) + 1e-4
    assert np.std(errors) < 0.45 * SPACING
    assert abs(np.mean(starts)) < 0.001


def test_bracket_is_as_narrow_as_the_spacing():
    outage = outages(made.requests(made.steady(3, bad=(1, 2))))[0]
    assert outage.high_s - outage.low_s < 0.025
    assert outage.failed == 100
    assert abs(outage.estimate_s - 1) < 0.001


def test_hang_does_not_widen_the_bracket_above():
    rows = [made.row(n * 0.01, 1000 if 100 <= n < 120 else 1, "timeout" if 100 <= n < 120 else "") for n in range(500)]
    outage = outages(made.requests(rows))[0]
    assert outage.high_s == pytest.approx(0.211)
    assert outage.estimate_s == pytest.approx(0.2, abs=0.002)
    assert not outage.partial


def test_timeouts_of_requests_in_flight_prove_no_length():
    rows = [made.row(n * 0.01, 1000 if 95 <= n < 105 else 50, "timeout" if 95 <= n < 105 else "") for n in range(400)]
    outage = outages(made.requests(rows))[0]
    assert outage.low_s == 0
    assert outage.high_s >= 0.15


def test_a_timeout_may_hide_an_outage_of_a_later_silence():
    rows = [*made.steady(1), made.row(1, 1000, "timeout"), made.row(1.01), made.row(1.9), made.row(3)]
    assert outages(made.requests(rows))[0].high_s == pytest.approx(1.101)


def test_good_sent_before_and_answered_during_is_no_partial_outage():
    rows = made.steady(3, bad=(1, 2))
    rows[98] = made.row(0.98, took_ms=500)
    outage = outages(made.requests(rows))[0]
    assert not outage.partial
    assert outage.low_s <= 1 <= outage.high_s


def test_never_ended_and_never_begun():
    last = outages(made.requests(made.steady(3, bad=(2, 3))))[0]
    assert not last.ended
    assert last.high_s >= 0.99
    first = outages(made.requests(made.steady(3, bad=(0, 1))))[0]
    assert first.ended
    assert first.start_ns >= made.at(0)
    whole = outages(made.requests(made.steady(3, bad=(0, 3))))[0]
    assert not whole.ended
    assert whole.failed == 300
    assert whole.high_s == pytest.approx(2.991)


def test_no_rows_and_no_failures():
    assert outages(made.requests([])) == []
    assert outages(made.requests(made.steady(1))) == []
    assert stalls(made.requests(made.steady(1)), 0.1) == []


def test_unknown_is_neither_good_nor_bad():
    rows = [made.row(n * 0.01, error="unknown" if n > 50 else "") for n in range(100)]
    assert outages(made.requests(rows)) == []
    rows[50] = made.row(0.5, error="refused")
    assert not outages(made.requests(rows))[0].ended


@pytest.mark.parametrize(("good", "count"), [(49, 1), (50, 2), (5, 1)])
def test_good_in_a_row_part_outages(good, count):
    bad = {100, 101 + good}
    rows = [made.row(n * 0.01, error="refused" if n in bad else "") for n in range(300)]
    assert len(outages(made.requests(rows))) == count


def test_a_second_of_good_parts_outages_but_silence_does_not():
    rows = [made.row(n * 0.2, error="refused" if n in (10, 16) else "") for n in range(30)]
    assert len(outages(made.requests(rows))) == 2
    assert len(outages(made.requests([made.row(1, error="refused"), made.row(9, error="refused")]))) == 1


def test_windows_share_out_all_failures_once():
    rng = np.random.default_rng(3)
    rows = [made.row(n * 0.01, error="reset" if rng.random() < 0.01 else "") for n in range(5000)]
    measured = made.requests(rows)
    parts = [set(window.rows.tolist()) for window in windows(measured)]
    assert set().union(*parts) == set(np.flatnonzero(measured.failed).tolist())
    assert sum(map(len, parts)) == int(measured.failed.sum())


@pytest.mark.parametrize("hang", [False, True])
def test_one_of_two_backends_is_partial(hang):
    rng = np.random.default_rng(11)
    errors, held = [], 0
    for _ in range(150):
        a, length = rng.uniform(1, 2), rng.uniform(0.3, 2)
        sent = np.arange(rng.uniform(0, SPACING), 6, SPACING)
        bad = (sent >= a) & (sent < a + length) & (rng.random(len(sent)) < 0.5)
        end = sent + np.where(bad & hang, 0.5, 0.0005)
        failed = ["timeout" if hang else "refused" if b else "" for b in bad] if not hang else [
            "timeout" if b else "" for b in bad
        ]  # fmt: skip
        found = outages(made.from_arrays(sent, end, failed))
        assert len(found) == 1
        assert found[0].partial
        assert found[0].low_s <= length + 1e-6
        held += found[0].high_s >= length
        errors.append(found[0].estimate_s - length)
    assert held >= 143
    assert abs(np.mean(errors)) < 0.004


def test_stall_ends_at_first_completion():
    rows = [made.row(n * 0.01, took_ms=(2 - n * 0.01) * 1000 if 100 <= n < 200 else 1) for n in range(400)]
    stall = stalls(made.requests(rows), limit_s=0.25)[0]
    assert stall.kind == "stall"
    assert stall.ended
    assert not stall.partial
    assert stall.end_ns == made.at(2)
    assert stall.estimate_s == pytest.approx(1.005)
    assert stall.low_s <= 1 <= stall.high_s
    assert stall.high_s == pytest.approx(1.01)
    assert stall.failed == 75


@settings(max_examples=60, deadline=None)
@given(a=st.floats(1, 2), length=st.floats(0.3, 3), phase=st.floats(0, SPACING), seed=st.integers(0, 2**32))
def test_stall_bracket_holds_truth(a, length, phase, seed):
    found = stalls(run("paused", a, a + length, phase, seed, deadline=10), limit_s=0.1)
    assert len(found) == 1
    assert found[0].low_s <= length + 1e-6
    assert length - 1e-6 <= found[0].high_s


def test_stall_of_one_of_two_backends_is_partial():
    rows = [made.row(n * 0.01, took_ms=2000 - n * 10 if 100 <= n < 200 and n % 2 else 1) for n in range(400)]
    stall = stalls(made.requests(rows), limit_s=0.25)[0]
    assert stall.partial
    assert stall.low_s <= 1


def test_stall_counts_from_the_schedule_so_a_late_send_shows():
    rows = [made.row(n * 0.01, lag_ms=500 if n == 50 else 0) for n in range(100)]
    assert len(stalls(made.requests(rows), limit_s=0.25)) == 1


def big(n):
    rng = np.random.default_rng(0)
    sent = made.BASE_NS + np.arange(n, dtype=np.int64) * 1_000_000
    bad = rng.random(n) < 0.02
    template = made.requests(made.steady(1))
    return type(template)(
        "service", sent, sent, sent, sent + 500_000, bad.astype(np.int8), [""] * n,
        ["refused" if b else "" for b in bad], np.zeros(n, np.int16), [""] * n, ["c"] * n, np.ones(n, np.int32),
    )  # fmt: skip


def test_a_million_rows_in_two_seconds():
    measured = big(1_000_000)
    begin = time.process_time()
    found = outages(measured)
    assert time.process_time() - begin < 2
    assert len(found) > 1000
