"""Whether all is well: every request that was due in the last while has been answered as it should."""

from collections.abc import Iterable
from typing import Any

from harness.clock import NS_PER_S, seconds
from harness.records import RequestBatch

STEADY_S = 1.0
"""How long all must have been well."""

LATE_S = 1.5
"""A request may fail as late as its deadline, 1 s after it was due, and its row comes in a batch after that."""

FRESH_S = 1.0
"""The newest row may be this old: longer, and rows have ceased to come."""

_SCHEDULED, _OUTCOME, _PHASE, _ERROR, _STATUS = 0, 4, 5, 6, 7
"""Places in a row of RequestBatch."""


def steady_since_ns(now_ns: int) -> int:
    """From when on requests were all good, if `unsteady` finds nothing at `now_ns`."""
    return now_ns - int((STEADY_S + LATE_S) * NS_PER_S)


def unsteady(batches: Iterable[RequestBatch], probe: str, now_ns: int) -> str:
    """What keeps a prober from being steady at a moment, by its last batches; empty if nothing does."""
    rows: list[list[Any]] = [row for batch in batches if batch.probe == probe for row in batch.rows]
    if not rows:
        return f"prober {probe}: no rows yet"
    since_ns = steady_since_ns(now_ns)
    newest_ns = max(row[_SCHEDULED] for row in rows)
    if now_ns - newest_ns > FRESH_S * NS_PER_S:
        return f"prober {probe}: its last row is {seconds(now_ns - newest_ns):.1f} s old"
    if bad := [row for row in rows if row[_SCHEDULED] >= since_ns and row[_OUTCOME] != "ok"]:
        row = bad[-1]
        return f"prober {probe}: {row[_OUTCOME]} ({row[_PHASE]} {row[_ERROR]} {row[_STATUS]})"
    if min(row[_SCHEDULED] for row in rows) > since_ns:
        return f"prober {probe}: all good, but not for long enough yet"
    return ""
