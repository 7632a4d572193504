"""Leadership: from one leader's last work to the next one's first, by what the leaders themselves did.

A leader works every w seconds. Its work really ended in [last, last + w) and the next one's really began in
(first - w, first], so with gap = first - last a failover lies in (gap - 2 w, gap], and the estimate is gap - w. A
negative gap is work of two leaders at once, for -gap seconds at least and less than 2 w more. A leader that stood still
and went on later can leave a gap and still work beside the next one: gaps look at its work before the next one's
first piece, overlaps at all of its work after that. Where nodes do not share a clock, all bounds are wider by what
the clocks of the two pods may err.
"""

from collections.abc import Sequence

import numpy as np

from harness.clock import seconds
from harness.clocks import Clocks
from harness.history import History
from harness.judge.phases import phases
from harness.records import Act, LeaseSeen, Work
from harness.reigns import Reign, Stretch, reigns, together
from harness.results import Failover, Handover


def work_every_s(line: Sequence[Reign]) -> float:
    """The spacing of work that leaders kept: the 99th percentile between pieces of one stretch; 0 without any."""
    steps = [np.diff([one.t_ns for one in part.pieces]) for reign in line for part in reign.stretches]
    steps = [one for one in steps if len(one)]
    return seconds(float(np.percentile(np.concatenate(steps), 99))) if steps else 0.0


def failover(history: History, lease: str = "", every_s: float | None = None) -> Failover | None:
    """The longest failover and the overlap of a history, with all handovers; None if no leadership passed.

    `lease` selects one Lease by name; `every_s` is the spacing of work, measured from the history if it is None.
    """
    line = reigns(history.of(Work))
    if len(line) < 2:
        return None
    leases = [one for one in history.of(LeaseSeen) if lease in ("", one.name)]
    width_s = work_every_s(line) if every_s is None else every_s
    clocks, acts = history.clocks, history.of(Act)
    handovers = [
        _handover(_before(line[:n], new), new, leases, acts, clocks, width_s) for n, new in enumerate(line) if n
    ]
    longest = max(handovers, key=lambda one: one.gap_s)
    low_s, estimate_s, high_s = _bounds(longest, width_s)
    sums = [sum(part) for part in zip(*(_bounds(one, width_s) for one in handovers), strict=True)]
    spans = together(line)
    error_s = max(one.clock_error_s for one in handovers)
    stale = [_stale(line[:n], new, clocks) for n, new in enumerate(line) if n]
    overlap_s = seconds(sum(end - begin for begin, end in spans))
    return Failover(
        low_s=low_s,
        estimate_s=estimate_s,
        high_s=high_s,
        total_low_s=sums[0],
        total_estimate_s=sums[1],
        total_high_s=sums[2],
        overlap_s=max(0.0, overlap_s - 2 * error_s),
        overlap_high_s=overlap_s + 2 * len(spans) * width_s + 2 * error_s if any(map(sum, stale)) else 0.0,
        stale=sum(sure for sure, _ in stale),
        stale_unsure=sum(unsure for _, unsure in stale),
        clock_error_s=error_s,
        transitions=leases[-1].transitions - leases[0].transitions if leases else 0,
        handovers=handovers,
    )


def _bounds(change: Handover, width_s: float) -> tuple[float, float, float]:
    """The low, estimated and high length of one failover; see the module."""
    error_s = change.clock_error_s
    return (
        max(0.0, change.gap_s - 2 * width_s - error_s),
        max(0.0, change.gap_s - width_s),
        max(0.0, change.gap_s + error_s),
    )


def _before(earlier: Sequence[Reign], new: Reign) -> tuple[Reign, Stretch]:
    """Whom a leader takes over from: who worked longest, of those that had begun before it."""
    begun = [(reign, part) for reign in earlier for part in reign.stretches if part.first_ns <= new.first_ns]
    return max(begun, key=lambda one: one[1].last_ns)


def _stale(earlier: Sequence[Reign], new: Reign, clocks: Clocks) -> tuple[int, int]:
    """How many pieces earlier leaders did after a later one's first: surely, and as far as the clocks can tell.

    A piece counts once, against the leader that was the next after its own.
    """
    old = earlier[-1]
    error_ns = clocks.between_ns(old.pod, new.pod)
    late = [one.t_ns - new.first_ns for part in old.stretches for one in part.pieces]
    return sum(by_ns > error_ns for by_ns in late), sum(-error_ns <= by_ns <= error_ns for by_ns in late)


def _handover(
    before: tuple[Reign, Stretch], new: Reign, leases: Sequence[LeaseSeen], acts: Sequence[Act], clocks: Clocks,
    width_s: float,
) -> Handover:  # fmt: skip
    """One passing of the leadership, with what the Lease showed of it."""
    old, last = before
    taken = [one.acquire_ns for one in leases if one.holder == new.identity and one.acquire_ns is not None]
    acquired = max((moment for moment in taken if moment <= new.first_ns), default=None)
    until = new.first_ns if acquired is None else acquired
    renewals = [one.renew_ns for one in leases if one.holder == old.identity and one.renew_ns is not None]
    renewed = max((moment for moment in renewals if moment <= until), default=None)
    error_ns = clocks.between_ns(old.pod, new.pod)
    return Handover(
        old=old.identity,
        new=new.identity,
        gap_s=seconds(new.first_ns - last.last_ns),
        clock_error_s=seconds(error_ns),
        first_work_ns=new.first_ns,
        last_renewal_ns=renewed,
        acquired_ns=acquired,
        since_last_renewal_s=seconds(until - renewed) if renewed is not None else None,
        phases=phases(old, last, new, leases, acts, clocks, width_s),
    )
