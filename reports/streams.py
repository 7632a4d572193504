"""The lane of long-lived streams: each prober's streams, packed in as few rows as were open at once."""

from collections.abc import Callable

from harness.clock import seconds
from harness.history import History
from harness.records import ProbeStarted
from harness.requests import Request
from reports.figure import Bar, Mark, Row, Rows
from reports.text import plain

At = Callable[[int], float]

TOLD = "ended"


def _state(row: Request) -> str:
    if row.outcome == "ok":
        return "stream"
    return "stream-told" if row.error == TOLD else "stream-cut"


def _bar(row: Request, at: At) -> Bar:
    how = f" · {row.error}" if row.error else ""
    lasted = seconds(row.end_ns - row.sent_ns)
    detail = f"stream {row.connection} · {row.use} heartbeats in {lasted:.2f} s{how}"
    return Bar(at(row.sent_ns), at(row.end_ns), _state(row), plain(row.pod or "nobody"), plain(detail))


def _packed(rows: list[Request]) -> list[list[Request]]:
    """Streams that follow one another share a row."""
    packed: list[list[Request]] = []
    for row in sorted(rows, key=lambda one: one.sent_ns):
        free = next((line for line in packed if line[-1].end_ns <= row.sent_ns), None)
        if free is None:
            packed.append([row])
        else:
            free.append(row)
    return packed


def streams(history: History, at: At) -> Rows | None:
    """A row for each stream that was open at once; cuts and goodbyes are marked."""
    rows = []
    for name in (probe.probe for probe in history.of(ProbeStarted) if probe.role == "stream"):
        for number, line in enumerate(_packed(list(history.requests(name, warm_up=True))), 1):
            ends = [
                Mark(at(one.end_ns), "exit" if one.error == TOLD else "killed", one.error.replace("_", " "))
                for one in line
                if one.outcome == "failed"
            ]
            rows.append(Row(plain(f"{name} {number}"), "", [_bar(one, at) for one in line], ends))
    return Rows("Streams", rows) if rows else None
