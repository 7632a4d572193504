"""Streams judged against a model that knows which heartbeats were sent, came, and came twice."""

import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.streams import by_probe, longest_gap_ns, numbers, streams
from harness.records import Beats, ProbeEnded, ProbeStarted, RequestBatch, Steady


def stream(number, start_s, end_s, beats=10, error="", pod="a", outcome=""):
    """A stream's row; it failed if it has an error."""
    lasted = round((end_s - start_s) * 1e9)
    outcome = outcome or ("failed" if error else "ok")
    return [made.at(start_s), 0, 1, lasted, outcome, "body" if error else "", error, 200, pod, f"{number}", beats]


def prober(rows, beats=(), probe="sse"):
    return [
        ProbeStarted(made.at(0), probe, 10**9, 10**9, "web:80", "stream"),
        RequestBatch(made.at(0), probe, 0, list(rows)),
        *(Beats(made.at(0), probe, seq, rows) for seq, rows in enumerate(beats)),
        ProbeEnded(made.at(1000), probe, len(rows), 1),
    ]


def beat(stream, number, arrival_s):
    return [made.at(arrival_s), f"{stream}", number, made.at(arrival_s)]


def test_streams_by_how_they_ended():
    errors = ["", "reset", "closed", "truncated", "ended", "timeout", "protocol"]
    rows = [stream(n, 0, 10, beats=1, error=error) for n, error in enumerate(errors)]
    rows += [stream(20, 9, 9.1, beats=0, error="refused"), stream(21, 9, 9.1, beats=0, outcome="unknown")]
    found = streams(made.history(prober(rows)), "sse")
    counts = (found.opened, found.cut, found.told, found.silent, found.other, found.unopened, found.unknown)
    assert counts == (7, 3, 1, 1, 1, 1, 1)
    assert [cut.error for cut in found.cuts] == ["reset", "closed", "truncated"]
    assert found.untold == 7


def test_what_ended_in_the_warm_up_is_not_judged_but_what_was_open_at_its_end_is():
    rows = [stream(1, 0, 4, error="reset"), stream(2, 0, 6, error="reset")]
    found = streams(made.history(prober(rows), Steady(made.at(5))), "sse")
    assert (found.opened, found.cut, found.cuts[0].age_s) == (1, 1, 6)


def test_a_cut_is_dated_from_the_signal_to_its_pod():
    said = [made.pod(0, "a"), made.pod(0, "b"), made.said(3, "signal"), made.said(9, "signal", "b")]
    rows = [stream(1, 0, 8.5, error="reset"), stream(2, 0, 8.5, error="reset", pod="b")]
    found = streams(made.history(prober(rows), said), "sse")
    assert [(cut.pod, cut.after_signal_s) for cut in found.cuts] == [("a", 5.5), ("b", None)]


def test_heartbeats_that_did_not_come_into_the_history_are_told():
    beats = [[beat(1, 1, 0.1), beat(1, 2, 0.2)]]
    found = streams(made.history(prober([stream(1, 0, 1, beats=3)], beats)), "sse")
    assert (found.heartbeats, found.untold, found.lost) == (3, 1, 0)


def test_a_batch_that_came_twice_counts_once():
    batch = Beats(made.at(0), "sse", 0, [beat(1, 1, 0.1)])
    found = streams(made.history(prober([stream(1, 0, 1, beats=1)]), batch, batch), "sse")
    assert (found.untold, found.doubled) == (0, 0)


def test_the_longest_silence_is_between_heartbeats_or_before_the_end():
    row = made.requests([stream(1, 0, 5)], "sse")[0]
    assert longest_gap_ns(row, [(made.at(0), 1), (made.at(1), 2), (made.at(3.5), 3)]) == 2_500_000_000
    assert longest_gap_ns(row, [(made.at(1), 1)]) == 4_000_000_000
    assert longest_gap_ns(row, []) == 0


@given(
    st.integers(1, 1000),
    st.lists(st.sampled_from(["came", "lost", "twice"]), min_size=1, max_size=40).filter(lambda x: x[-1] != "lost"),
)
def test_lost_and_doubled_heartbeats_are_counted(first, fates):
    """The model: each number's fate. What is lost before the first that came shows nowhere."""
    came = [first + n for n, fate in enumerate(fates) for _ in range({"came": 1, "lost": 0, "twice": 2}[fate])]
    begun = next(n for n, fate in enumerate(fates) if fate != "lost")
    lost = fates[begun:].count("lost")
    assert numbers([(0, number) for number in came]) == (lost, fates.count("twice"))


@pytest.mark.parametrize("beats", [[], [(0, 0), (1, 0)]])
def test_heartbeats_without_numbers_tell_neither(beats):
    assert numbers(beats) == (0, 0)


def test_only_probers_of_streams_have_streams():
    history = made.history(prober([stream(1, 0, 1)]), made.probe(made.steady()))
    assert list(by_probe(history)) == ["sse"]
