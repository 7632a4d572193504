"""The story of a row, line by line: what was done, what the cluster and the app said, what the harness missed."""

import json
from collections.abc import Callable, Iterator, Sequence

from harness.history import History
from harness.records import Act, AppSaid, ClockSeen, EventSeen, LeaseSeen, Log, Lost, Record
from reports.figure import Told
from reports.text import plain

LONGEST = 300


def _short(text: str) -> str:
    text = plain(" ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _data(values: dict[str, object]) -> str:
    return " ".join(f"{k}={v if isinstance(v, str | int | float) else json.dumps(v)}" for k, v in values.items())


def act_words(act: Act) -> str:
    """An act as a person would say it: `begin rollout-restart deployment/shop`."""
    return _short(f"{act.status} {act.verb} {act.target} {_data(act.detail)}")


def _tell(record: Record) -> tuple[str, str] | None:
    match record:
        case Act():
            return "harness", act_words(record)
        case EventSeen():
            return f"event {record.object}", f"{record.reason}: {record.message}"
        case AppSaid():
            return f"{record.pod}/{record.container}", f"{record.event} {_data(record.data)}"
        case ClockSeen():
            return f"node {record.node}", f"its clock is known to {record.error_ns / 1e6:.3f} ms: {record.how}"
        case Lost():
            return "harness", f"could not see {record.source}: {record.what}"
    return None


def _lines(history: History) -> Iterator[tuple[Record, str, str]]:
    holders: dict[str, str] = {}
    for record in history.records:
        if isinstance(record, LeaseSeen):
            if holders.get(record.name) != record.holder:
                holders[record.name] = record.holder
                yield record, f"lease {record.name}", f"held by {record.holder}" if record.holder else "released"
        elif told := _tell(record):
            yield record, *told


def _without_repeats(found: list[tuple[Record, str, str]]) -> list[tuple[Record, str, str]]:
    """Of a line that one source says again and again (a heartbeat), the first and the last."""
    of_source: dict[str, list[int]] = {}
    for i, (_, source, _) in enumerate(found):
        of_source.setdefault(source, []).append(i)
    repeated = {
        now
        for places in of_source.values()
        for before, now, after in zip(places, places[1:], places[2:], strict=False)
        if found[before][2] == found[now][2] == found[after][2]
    }
    return [line for i, line in enumerate(found) if i not in repeated]


def story(history: History, at: Callable[[int], float], most: int) -> tuple[list[Told], int]:
    """At most `most` lines, and how many were left out: what is furthest from the first act.

    Of a line that is said again and again the first and the last are told.
    """
    return _nearest(_without_repeats(list(_lines(history))), at, most)


def logs(history: History, at: Callable[[int], float], most: int) -> tuple[list[Told], int]:
    """At most `most` lines of the pods' own output, those nearest to the first act, and how many were left out."""
    found = [(log, f"{log.pod}/{log.container}", log.line) for log in history.of(Log)]
    return _nearest(found, at, most)


def _nearest(found: Sequence[tuple[Record, str, str]], at: Callable[[int], float], most: int) -> tuple[list[Told], int]:
    order = sorted(range(len(found)), key=lambda i: abs(at(found[i][0].t_ns)))
    kept = sorted(order[:most])
    told = [Told(round(at(found[i][0].t_ns), 3), _short(found[i][1]), _short(found[i][2])) for i in kept]
    return told, len(found) - len(kept)
