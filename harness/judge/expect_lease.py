"""How long a Lease was without a living holder, by the Lease alone: for leaders that tell nothing of their work."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness import results
from harness.clock import seconds
from harness.judge.expectation import Evidence, Expectation
from harness.records import LeaseSeen


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a living holder: between `low_s` and `high_s` long; `ended` is False if nobody took over."""

    low_s: float
    high_s: float
    ended: bool = True


def gaps(seen: Sequence[LeaseSeen]) -> list[Gap]:
    """Each time that a Lease passed on, or was let go.

    A holder that let go was alive until then. One that did not was alive at its last renewal, and may have been until
    the next was due: renewals come at the pace that they mostly had. All moments are when the watch brought them.
    """
    renewals = [seconds(b.t_ns - a.t_ns) for a, b in itertools.pairwise(seen) if a.holder == b.holder and a.holder]
    pace_s = median(renewals) if renewals else 0.0
    found = []
    for before, after in itertools.pairwise(seen):
        span_s = seconds(after.t_ns - before.t_ns)
        if not before.holder and after.holder:
            found.append(Gap(span_s, span_s))
        elif before.holder and after.holder and before.holder != after.holder:
            found.append(Gap(max(0.0, span_s - pace_s), span_s))
    if seen and not seen[-1].holder:
        found.append(Gap(0.0, float("inf"), ended=False))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGap(Expectation):
    """The Lease was never without a living holder for longer than `at_most_s`, judged by the whole bracket."""

    lease: str
    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"lease {self.lease} without a holder <= {self.at_most_s:g} s"
        seen = [one for one in evidence.history.of(LeaseSeen) if one.name == self.lease]
        if not any(one.holder for one in seen):
            return self.told(what, "it was never held", None)
        found = gaps(seen)
        if not found:
            return self.told(what, "it never passed on", True)
        worst = max(found, key=lambda gap: (gap.high_s, gap.low_s))
        if not worst.ended:
            return self.told(what, "nobody took it over", False)
        text = f"{worst.high_s:.3f} s" if worst.low_s == worst.high_s else f"{worst.low_s:.3f} to {worst.high_s:.3f} s"
        holds = True if worst.high_s <= self.at_most_s else False if worst.low_s > self.at_most_s else None
        return self.told(what, text, holds)
