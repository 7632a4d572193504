import pytest

from harness.clock import NS_PER_S
from harness.load.steady import FRESH_S, LATE_S, STEADY_S, ended, steady_since_ns, unsteady, unsteady_streams
from harness.records import Beats, RequestBatch

NOW_NS = 1_700_000_000 * NS_PER_S
NEEDED_S = STEADY_S + LATE_S


def row(ago_s, outcome="ok", phase="", error="", status=200):
    return [NOW_NS - round(ago_s * NS_PER_S), 0, 1, 2, outcome, phase, error, status, "pod", "c", 1]


def good(from_s=NEEDED_S + 0.1, to_s=0.0):
    """A row every tenth of a second from `from_s` ago to `to_s` ago."""
    return [row(to_s + n / 10) for n in range(round((from_s - to_s) * 10) + 1)]


def why(*rows, probe="service"):
    return unsteady([RequestBatch(NOW_NS, probe, 0, list(rows))], "service", NOW_NS)


def test_good_for_long_enough():
    assert why(*good()) == ""
    assert steady_since_ns(NOW_NS) == NOW_NS - round(NEEDED_S * NS_PER_S)


def test_not_for_long_enough():
    assert why(*good(from_s=NEEDED_S - 0.1)) == "prober service: all good, but not for long enough yet"
    assert why(*good(from_s=NEEDED_S)) == ""


def test_no_rows_of_it():
    assert why() == why(*good(), probe="control") == "prober service: no rows yet"


def test_rows_that_ceased():
    assert why(*good(from_s=5, to_s=FRESH_S)) == ""
    assert why(*good(from_s=5, to_s=FRESH_S + 0.3)) == "prober service: its last row is 1.3 s old"


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
def test_a_bad_row_counts_until_it_is_old(outcome):
    bad = outcome, "connect", "refused", 0
    assert why(*good(), row(NEEDED_S, *bad)) == f"prober service: {outcome} (connect refused 0)"
    assert why(*good(), row(0, *bad)) != ""
    assert why(*good(), row(NEEDED_S + 0.01, *bad)) == ""


def test_the_order_of_batches_does_not_matter():
    rows = good()
    batches = [RequestBatch(NOW_NS, "service", n, [one]) for n, one in enumerate(rows[::2] + rows[1::2])]
    assert unsteady(batches, "service", NOW_NS) == ""


def test_slow_requests_are_dated_by_their_end():
    slow = [[at - 4 * NS_PER_S, 0, None, 4 * NS_PER_S, *rest] for at, _, _, _, *rest in good()]
    batches = [RequestBatch(NOW_NS, "in-flight", 0, slow)]
    assert "is 4.0 s old" in unsteady(batches, "in-flight", NOW_NS)
    assert unsteady(batches, "in-flight", NOW_NS, ended) == ""


def beats(*streams, from_s=NEEDED_S + 0.1):
    rows = [[NOW_NS - round(n * NS_PER_S / 10), one, 1, 0] for one in streams for n in range(round(from_s * 10) + 1)]
    return [Beats(NOW_NS, "sse", 0, rows)]


def test_streams_that_beat():
    assert unsteady_streams([], beats("1", "2"), "sse", NOW_NS, 2) == ""
    assert unsteady_streams([], beats("1"), "sse", NOW_NS, 2) == "prober sse: 1 of 2 streams beat"
    assert unsteady_streams([], beats("1"), "websocket", NOW_NS, 1) == "prober websocket: 0 of 1 streams beat"
    assert unsteady_streams([], beats("1", from_s=1), "sse", NOW_NS, 1) == (
        "prober sse: all beat, but not for long enough yet"
    )


def test_a_stream_that_was_cut_counts_until_it_is_old():
    cut = [RequestBatch(NOW_NS, "sse", 0, [row(0, "failed", "body", "truncated", 200)])]
    assert unsteady_streams(cut, beats("1"), "sse", NOW_NS, 1) == "prober sse: failed (body truncated 200)"
    assert unsteady_streams(cut, beats("1"), "sse", NOW_NS + 60 * NS_PER_S, 1) == "prober sse: 0 of 1 streams beat"
