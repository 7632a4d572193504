"""Whether all is well: every request that was due in the last while has been answered as it should."""

from collections.abc import Callable, Iterable
from typing import Any

from harness.clock import NS_PER_S, seconds
from harness.records import Beats, RequestBatch

STEADY_S = 1.0
"""How long all must have been well."""

LATE_S = 1.5
"""A request may fail as late as its deadline, 1 s after it was due, and its row comes in a batch after that."""

FRESH_S = 1.0
"""The newest row may be this old: longer, and rows have ceased to come."""

_SCHEDULED, _END, _OUTCOME, _PHASE, _ERROR, _STATUS = 0, 3, 4, 5, 6, 7
"""Places in a row of RequestBatch."""

Row = list[Any]


def due(row: Row) -> int:
    """When a request was due."""
    return int(row[_SCHEDULED])


def ended(row: Row) -> int:
    """When a request ended."""
    return int(row[_SCHEDULED] + row[_END])


def steady_since_ns(now_ns: int) -> int:
    """From when on requests were all good, if `unsteady` finds nothing at `now_ns`."""
    return now_ns - int((STEADY_S + LATE_S) * NS_PER_S)


def unsteady(batches: Iterable[RequestBatch], probe: str, now_ns: int, moment: Callable[[Row], int] = due) -> str:
    """What keeps a prober from being steady at a moment, by its last batches; empty if nothing does.

    `moment` dates a row; requests that take long are dated by their end, since they come no earlier.
    """
    rows: list[Row] = [row for batch in batches if batch.probe == probe for row in batch.rows]
    if not rows:
        return f"prober {probe}: no rows yet"
    since_ns = steady_since_ns(now_ns)
    newest_ns = max(map(moment, rows))
    if now_ns - newest_ns > FRESH_S * NS_PER_S:
        return f"prober {probe}: its last row is {seconds(now_ns - newest_ns):.1f} s old"
    if bad := _bad(rows, since_ns, moment):
        return f"prober {probe}: {bad}"
    if min(map(moment, rows)) > since_ns:
        return f"prober {probe}: all good, but not for long enough yet"
    return ""


def unsteady_streams(
    batches: Iterable[RequestBatch], beats: Iterable[Beats], probe: str, now_ns: int, streams: int
) -> str:
    """The same of a prober of streams, of which so many must beat; a row of one comes only at its end."""
    since_ns = steady_since_ns(now_ns)
    if bad := _bad([row for batch in batches if batch.probe == probe for row in batch.rows], since_ns, ended):
        return f"prober {probe}: {bad}"
    heard = [(moment, stream) for batch in beats if batch.probe == probe for moment, stream, _, _ in batch.rows]
    lately = {stream for moment, stream in heard if now_ns - moment <= FRESH_S * NS_PER_S}
    if len(lately) < streams:
        return f"prober {probe}: {len(lately)} of {streams} streams beat"
    if min(moment for moment, _ in heard) > since_ns:
        return f"prober {probe}: all beat, but not for long enough yet"
    return ""


def unconnected(batches: Iterable[RequestBatch], probe: str, since_ns: int) -> bool:
    """Whether a prober got a connection for none of its requests since a moment, by its last batches."""
    rows = [row for batch in batches if batch.probe == probe for row in batch.rows if due(row) >= since_ns]
    return all(row[_OUTCOME] != "ok" and row[_PHASE] in ("dns", "connect") for row in rows)


def _bad(rows: Iterable[Row], since_ns: int, moment: Callable[[Row], int]) -> str:
    """The last request since a moment that was not answered, in words; empty if all were."""
    bad = [row for row in rows if moment(row) >= since_ns and row[_OUTCOME] != "ok"]
    return f"{bad[-1][_OUTCOME]} ({bad[-1][_PHASE]} {bad[-1][_ERROR]} {bad[-1][_STATUS]})" if bad else ""
