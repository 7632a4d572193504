"""Recorded histories with one thing about them changed."""

from collections.abc import Callable
from dataclasses import replace

from harness.history import History
from harness.records import Record, RequestBatch

Change = Callable[[History], History]
OUTCOME = 4


def mapped(history: History, change: Callable[[Record], Record | None]) -> History:
    return History(history.scenario, [new for one in history.records if (new := change(one)) is not None])


def with_rows(probe: str, outcome: str, history: History, *, from_row: int = 300, count: int = 10**9) -> History:
    """The outcome of rows of one prober changed, by their place in time."""
    seen = 0

    def change(one: Record) -> Record:
        nonlocal seen
        if not isinstance(one, RequestBatch) or one.probe != probe:
            return one
        rows = []
        for row in one.rows:
            chosen = from_row <= seen < from_row + count
            rows.append([*row[:OUTCOME], outcome, *row[OUTCOME + 1 :]] if chosen else row)
            seen += 1
        return replace(one, rows=rows)

    return mapped(history, change)
