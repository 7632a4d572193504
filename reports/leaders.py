"""The lanes of leader election: who held the lease, who worked, and when nobody or both did."""

import itertools
from collections.abc import Callable

from harness.clock import seconds
from harness.records import LeaseSeen, Work
from harness.reigns import Stretch, reigns, stretches, together
from harness.results import Failover, Handover, Phase
from reports.figure import Bar, Row, Rows
from reports.text import plain
from reports.text import seconds as words_s

BETWEEN = {
    ("act", "last work"): "until its last work",
    ("last work", "released"): "until it was released",
    ("last work", "expired"): "until it expired",
    ("last work", "acquired"): "until it was acquired",
    ("released", "acquired"): "until it was acquired",
    ("expired", "acquired"): "until it was acquired",
    ("acquired", "first work"): "until the first work",
}
"""What lies between two phases of a handover; of a lease's."""


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


def _bar(stretch: Stretch, look: str, at: Callable[[int], float]) -> Bar:
    pieces = stretch.pieces
    steps = [b.t_ns - a.t_ns for a, b in itertools.pairwise(pieces)]
    pause = f" · longest pause {words_s(seconds(max(steps)))}" if steps else ""
    detail = f"{len(pieces)} pieces of work · no. {pieces[0].seq} to {pieces[-1].seq}{pause}"
    return Bar(at(stretch.first_ns), at(stretch.last_ns), look, "at work", detail)


def handovers(failover: Failover | None, beats: list[Work], at: Callable[[int], float]) -> list[Bar]:
    """The gaps between one leader's work and the next one's, and the overlaps in which two were at work at once."""
    bars = []
    for change in failover.handovers if failover else []:
        first, gap_s = at(change.first_work_ns), change.gap_s
        if gap_s >= 0:
            who = plain(f"{change.old} → {change.new}")
            bars.append(Bar(first - gap_s, first, "gap", f"{words_s(gap_s)} without a leader", who))
    for begin_ns, end_ns in together(reigns(beats)):
        begin, end = at(begin_ns), at(end_ns)
        bars.append(Bar(begin, end, "overlap", f"{words_s(end - begin)} with two leaders", ""))
    return bars


def _middle_ns(phase: Phase) -> int:
    return (phase.low_ns + phase.high_ns) // 2


def between(change: Handover) -> list[tuple[str, Phase, Phase]]:
    """What lies between the phases of a handover that followed one another, in words."""
    pairs = itertools.pairwise(sorted(change.phases, key=_middle_ns))
    named = [(BETWEEN.get((a.what, b.what), f"from {a.what} to {b.what}"), a, b) for a, b in pairs]
    return [one for one in named if _middle_ns(one[2]) > _middle_ns(one[1])]


def phases(failover: Failover | None, at: Callable[[int], float]) -> Row | None:
    """The phases of all handovers: act, last work, release or expiry, acquisition, first work."""
    bars = []
    for change in failover.handovers if failover else []:
        for number, (words, a, b) in enumerate(between(change)):
            start, end = at(_middle_ns(a)), at(_middle_ns(b))
            detail = f"{words_s(end - start)} · {_bounds(a, at)} → {_bounds(b, at)}"
            bars.append(Bar(start, end, ("phase0", "phase1")[number % 2], words, detail))
    return Row("phases", "", bars) if bars else None


def _bounds(phase: Phase, at: Callable[[int], float]) -> str:
    return f"{phase.what} [{at(phase.low_ns):.3f}, {at(phase.high_ns):.3f}]"


def work(
    beats: list[Work], failover: Failover | None, gaps: list[Bar], look: dict[str, str], at: Callable[[int], float]
) -> Rows | None:
    """One row an identity with its stretches of work; above them what lies between them, and a handover's phases."""
    if not beats:
        return None
    rows = []
    if gaps:
        rows.append(Row("handover", "", gaps))
    if steps := phases(failover, at):
        rows.append(steps)
    for identity in dict.fromkeys(beat.identity for beat in beats):
        own = [beat for beat in beats if beat.identity == identity]
        bars = [_bar(part, look[identity], at) for part in stretches(own)]
        rows.append(Row(plain(identity), f"pod {plain(own[0].pod)}", bars))
    return Rows("Work of the leader", rows)
