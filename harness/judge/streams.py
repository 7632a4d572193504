"""Long-lived streams: which were cut, which were told to go, and which heartbeats were lost, doubled or late."""

import itertools
from collections import Counter
from collections.abc import Sequence

from harness.clock import seconds
from harness.history import History
from harness.judge.cuts import CUT, Signals, cut
from harness.records import Beats, ProbeStarted, Steady
from harness.requests import Request
from harness.results import Streams

TOLD = "ended"
SILENT = "timeout"


def by_probe(history: History) -> dict[str, Streams]:
    """The streams of each prober of streams, by its name."""
    names = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "stream"]
    return {name: streams(history, name) for name in names}


def streams(history: History, probe: str) -> Streams:
    """Judge one prober's streams that were open after the warm-up. A stream that no heartbeat came on never opened."""
    since_ns = max((record.t_ns for record in history.of(Steady)), default=0)
    found = [row for row in history.requests(probe, warm_up=True) if row.end_ns >= since_ns]
    opened = [row for row in found if row.use]
    ends = Counter(row.error for row in opened if row.outcome == "failed")
    signals = Signals(history)
    beats = heartbeats(history, probe)
    told = [numbers(beats.get(row.connection, [])) for row in opened]
    gaps = [gap for row in opened if (gap := longest_gap_ns(row, beats.get(row.connection, [])))]
    return Streams(
        opened=len(opened),
        unopened=sum(row.outcome == "failed" for row in found) - ends.total(),
        unknown=sum(row.outcome == "unknown" for row in found),
        cut=sum(ends[error] for error in CUT),
        told=ends[TOLD],
        silent=ends[SILENT],
        other=ends.total() - sum(ends[error] for error in (*CUT, TOLD, SILENT)),
        heartbeats=sum(row.use for row in opened),
        lost=sum(lost for lost, _ in told),
        doubled=sum(doubled for _, doubled in told),
        untold=sum(row.use - len(beats.get(row.connection, [])) for row in opened),
        longest_gap_s=seconds(max(gaps)) if gaps else None,
        cuts=[cut(row, row.pod, signals) for row in opened if row.error in CUT],
    )


def heartbeats(history: History, probe: str) -> dict[str, list[tuple[int, int]]]:
    """(arrival, number) of each heartbeat of a prober, by stream, in the order of arrival; a batch that came twice
    counts once."""
    batches = {batch.seq: batch for batch in history.of(Beats) if batch.probe == probe}
    found: dict[str, list[tuple[int, int]]] = {}
    for _, batch in sorted(batches.items()):
        for arrival_ns, stream, number, _ in batch.rows:
            found.setdefault(stream, []).append((arrival_ns, number))
    return found


def numbers(beats: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """How many heartbeats of a stream are missing between its first and last, and how many came once more.

    A server that does not number them (0) tells neither.
    """
    seen = [number for _, number in beats if number]
    if not seen:
        return 0, 0
    unique = set(seen)
    return max(unique) - min(unique) + 1 - len(unique), len(seen) - len(unique)


def longest_gap_ns(row: Request, beats: Sequence[tuple[int, int]]) -> int:
    """The longest silence of a stream between two heartbeats, or after the last one until its end."""
    moments = [arrival for arrival, _ in beats] + [row.end_ns]
    return max((b - a for a, b in itertools.pairwise(moments)), default=0)
