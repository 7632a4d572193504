"""Leadership: from one leader's last work to the next one's first, by what the leaders themselves did.

A leader works every w seconds. Its work really ended in [last, last + w) and the next one's really began in
(first - w, first], so with gap = first - last a failover lies in (gap - 2 w, gap], and the estimate is gap - w. A
negative gap is work of two leaders at once, for -gap seconds at least. Both moments are the pods' own clocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.clock import seconds
from harness.history import History
from harness.records import LeaseSeen, Work
from harness.results import Failover, Handover


@dataclass(frozen=True, slots=True)
class Reign:
    """One leader's work in one term: its first and its last piece."""

    identity: str
    term: int
    first_ns: int
    last_ns: int
    pieces: int


def reigns(history: History) -> list[Reign]:
    """Who led when, in order of the first work. A leader that comes back in a later term reigns anew."""
    moments: dict[tuple[str, int], list[int]] = {}
    for work in history.of(Work):
        moments.setdefault((work.identity, work.term), []).append(work.t_ns)
    found = [Reign(*key, times[0], times[-1], len(times)) for key, times in moments.items()]
    return sorted(found, key=lambda reign: (reign.first_ns, reign.term))


def work_every_s(history: History) -> float:
    """The spacing of work that leaders kept: the 99th percentile between pieces of one reign; 0 without any."""
    moments: dict[tuple[str, int], list[int]] = {}
    for work in history.of(Work):
        moments.setdefault((work.identity, work.term), []).append(work.t_ns)
    steps = [np.diff(times) for times in moments.values() if len(times) > 1]
    return seconds(float(np.percentile(np.concatenate(steps), 99))) if steps else 0.0


def failover(history: History, lease: str = "", every_s: float | None = None) -> Failover | None:
    """The longest failover and the longest overlap of a history, with all handovers; None if no leadership passed.

    `lease` selects one Lease by name; `every_s` is the spacing of work, measured from the history if it is None.
    """
    line = reigns(history)
    if len(line) < 2:
        return None
    leases = [one for one in history.of(LeaseSeen) if lease in ("", one.name)]
    width_s = work_every_s(history) if every_s is None else every_s
    handovers = []
    old = line[0]
    for new in line[1:]:
        handovers.append(_handover(old, new, leases))
        # Whoever worked longest so far is who the next one takes over from.
        old = max(old, new, key=lambda reign: reign.last_ns)
    gap_s = max(one.gap_s for one in handovers)
    return Failover(
        low_s=max(0.0, gap_s - 2 * width_s),
        estimate_s=max(0.0, gap_s - width_s),
        high_s=max(0.0, gap_s),
        overlap_s=max(0.0, *(_overlap_s(one, line[: n + 1]) for n, one in enumerate(line[1:]))),
        transitions=leases[-1].transitions - leases[0].transitions if leases else 0,
        handovers=handovers,
    )


def _overlap_s(new: Reign, earlier: Sequence[Reign]) -> float:
    """How long a leader certainly worked at the same time as one before it; negative if there was a gap."""
    return seconds(max(min(old.last_ns, new.last_ns) for old in earlier) - new.first_ns)


def _handover(old: Reign, new: Reign, leases: Sequence[LeaseSeen]) -> Handover:
    """One passing of the leadership, with what the Lease showed of it."""
    taken = [one.acquire_ns for one in leases if one.holder == new.identity and one.acquire_ns is not None]
    acquired = max((moment for moment in taken if moment <= new.first_ns), default=None)
    before = new.first_ns if acquired is None else acquired
    renewals = [one.renew_ns for one in leases if one.holder == old.identity and one.renew_ns is not None]
    renewed = max((moment for moment in renewals if moment <= before), default=None)
    return Handover(
        old=old.identity,
        new=new.identity,
        gap_s=seconds(new.first_ns - old.last_ns),
        first_work_ns=new.first_ns,
        last_renewal_ns=renewed,
        acquired_ns=acquired,
        since_last_renewal_s=seconds(before - renewed) if renewed is not None else None,
    )
