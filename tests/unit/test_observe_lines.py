import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from harness.observe.lines import Cursor, record_of
from harness.records import AppSaid, Log, Noise, ProbeEnded, ProbeStarted, RequestBatch, Work


def said(**values):
    return record_of(7, json.dumps(values), "pod-1", "main")


def test_our_records():
    assert said(kind="app", t_ns=1, event="signal", data={"signal": "SIGTERM"}) == AppSaid(
        1, "pod-1", "main", "signal", {"signal": "SIGTERM"}
    )
    assert said(kind="work", t_ns=1, identity="me", seq=2, term=3) == Work(1, "pod-1", "me", 2, 3)
    assert said(kind="noise", t_ns=1, cpu_pressure=None, load_1m=1.5) == Noise(1, None, 1.5)
    assert said(kind="probe", t_ns=1, probe="p", interval_ns=10, deadline_ns=20, target="t") == ProbeStarted(
        1, "p", 10, 20, "t", pod="pod-1"
    )
    assert said(kind="probe-end", t_ns=1, probe="p", scheduled=5, batches=2) == ProbeEnded(1, "p", 5, 2)
    assert said(kind="requests", t_ns=1, probe="p", seq=0, rows=[[1]]) == RequestBatch(1, "p", 0, [[1]])


def test_anything_else_is_a_plain_line():
    for line in (
        "hello",
        "",
        "{",
        '{"kind": "work"',
        '{"kind": "work", "t_ns": 1}',
        '{"kind": "pod", "t_ns": 1}',
        '{"kind": "app", "t_ns": "soon", "event": "x"}',
        '{"kind": ["app"], "t_ns": 1}',
        '{"level": "info"}',
        '{"kind": "app", "t_ns": 1, "event": "x", "pod": "spoofed", "more": 1}',
    ):
        assert record_of(7, line, "pod-1", "main") == Log(7, "pod-1", "main", line)


def test_a_very_long_line_is_cut():
    assert len(record_of(7, "x" * 100_000, "p", "c").line) == 4_000


def read(cursor, lines):
    return [text for t_ns, text in lines if cursor.takes(t_ns)]


def test_a_log_without_a_break_is_taken_as_it_is_even_if_the_clock_steps_back():
    lines = [(5, "a"), (5, "b"), (3, "c"), (9, "d")]
    assert read(Cursor(), lines) == ["a", "b", "c", "d"]


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=5),
)
def test_breaks_lose_and_double_nothing(steps, cuts):
    lines = [(t, str(n)) for n, t in enumerate(itertools.accumulate(steps))]
    cursor, taken, have = Cursor(), [], 0
    for cut in [*sorted(cuts), len(lines)]:
        cursor.resume(same_instance=True)
        since = (cursor.t_ns or 0) // 4 * 4
        again = [line for line in lines if line[0] >= since]
        upto = max(cut, have) - (len(lines) - len(again))
        have = max(cut, have)
        taken += read(cursor, again[: max(upto, 0)])
    assert taken == [text for _, text in lines]
    assert cursor.gaps == 0


def test_a_log_that_was_moved_away_leaves_a_gap():
    cursor = Cursor()
    assert read(cursor, [(5, "a"), (6, "b")]) == ["a", "b"]
    cursor.resume(same_instance=True)
    assert read(cursor, [(8, "d")]) == ["d"]
    assert cursor.gaps == 1


def test_a_new_instance_leaves_none_and_old_lines_are_not_doubled():
    cursor = Cursor()
    read(cursor, [(5, "a"), (6, "b")])
    cursor.resume(same_instance=False)
    assert read(cursor, [(5, "a"), (8, "new")]) == ["new"]
    assert cursor.gaps == 0
