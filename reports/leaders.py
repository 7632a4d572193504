"""The lanes of leader election: who held the lease, who worked, and when nobody or both did."""

import itertools
import statistics
from collections.abc import Callable

from harness.clock import seconds
from harness.records import LeaseSeen, Work
from harness.results import Failover
from reports.figure import Bar, Row, Rows
from reports.text import plain
from reports.text import seconds as words_s

LEAST_PAUSE_NS = 100_000_000
PAUSE_FACTOR = 5
"""Beats further apart than this many usual distances, and than LEAST_PAUSE_NS, are drawn as two stretches of work."""


def looks(seen: list[LeaseSeen], beats: list[Work]) -> dict[str, str]:
    """The look of each identity, the same for the lease that it holds and for its work."""
    names = dict.fromkeys([lease.holder for lease in seen if lease.holder] + [beat.identity for beat in beats])
    return {name: f"holder{number % 4}" for number, name in enumerate(names)}


def leases(seen: list[LeaseSeen], look: dict[str, str], at: Callable[[int], float], end_s: float) -> Rows | None:
    """One row a lease, a bar for each stretch with one holder."""
    rows = []
    for name in dict.fromkeys(lease.name for lease in seen):
        bars: list[Bar] = []
        changes = [lease for lease in seen if lease.name == name]
        starts = [next(group) for _, group in itertools.groupby(changes, key=lambda x: (x.holder, x.transitions))]
        for lease, after in itertools.zip_longest(starts, starts[1:]):
            until = at(after.t_ns) if after else end_s
            detail = f"transitions {lease.transitions} · lease {lease.duration_s} s"
            state = look.get(lease.holder, "nobody")
            bars.append(Bar(at(lease.t_ns), until, state, plain(lease.holder or "released"), detail))
        rows.append(Row(plain(name), "the lease's holder, by arrival of the watch's news", bars))
    return Rows("Lease", rows) if rows else None


def _stretches(beats: list[Work]) -> list[list[Work]]:
    steps = [b.t_ns - a.t_ns for a, b in itertools.pairwise(beats)]
    limit = max(LEAST_PAUSE_NS, PAUSE_FACTOR * statistics.median(steps)) if steps else LEAST_PAUSE_NS
    found = [[beats[0]]]
    for beat, step in zip(beats[1:], steps, strict=True):
        if step > limit:
            found.append([])
        found[-1].append(beat)
    return found


def _bar(stretch: list[Work], look: str, at: Callable[[int], float]) -> Bar:
    steps = [b.t_ns - a.t_ns for a, b in itertools.pairwise(stretch)]
    pause = f" · longest pause {words_s(seconds(max(steps)))}" if steps else ""
    detail = f"{len(stretch)} pieces of work · no. {stretch[0].seq} to {stretch[-1].seq}{pause}"
    return Bar(at(stretch[0].t_ns), at(stretch[-1].t_ns), look, "at work", detail)


def handovers(failover: Failover | None, at: Callable[[int], float]) -> list[Bar]:
    """Between one leader's work and the next one's: a gap, or an overlap where both were at work at once."""
    bars = []
    for change in failover.handovers if failover else []:
        first, gap_s = at(change.first_work_ns), change.gap_s
        who = plain(f"{change.old} → {change.new}")
        if gap_s >= 0:
            bars.append(Bar(first - gap_s, first, "gap", f"{words_s(gap_s)} without a leader", who))
        else:
            bars.append(Bar(first, first - gap_s, "overlap", f"{words_s(-gap_s)} with two leaders", who))
    return bars


def work(beats: list[Work], between: list[Bar], look: dict[str, str], at: Callable[[int], float]) -> Rows | None:
    """One row an identity with its stretches of work, and above them what lies between them."""
    if not beats:
        return None
    rows = []
    if between:
        rows.append(Row("handover", "", between))
    for identity in dict.fromkeys(beat.identity for beat in beats):
        own = [beat for beat in beats if beat.identity == identity]
        bars = [_bar(part, look[identity], at) for part in _stretches(own)]
        rows.append(Row(plain(identity), f"pod {plain(own[0].pod)}", bars))
    return Rows("Work of the leader", rows)
