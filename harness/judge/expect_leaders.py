"""Expectations on leadership: how it passed on, how long nobody worked, and whether two did at once.

See `expect`. Where nodes do not share a clock, what lies within the clocks' error of a limit cannot be told.
"""

from dataclasses import dataclass

from harness import results
from harness.judge.expect import limits_text
from harness.judge.expectation import Evidence, Expectation, all_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover(Expectation):
    """Each new leader took the Lease within `after_last_renewal_s` (from, to) seconds after its last renewal."""

    after_last_renewal_s: tuple[float, float]

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        low, high = self.after_last_renewal_s
        what = f"handover {limits_text(low, high, 's')} after the last renewal"
        if evidence.failover is None:
            return self.told(what, "no handover", False)
        passed = evidence.failover.handovers
        spans = [one.since_last_renewal_s for one in passed]
        seen = ", ".join("renewal not seen" if span is None else f"{span:.3f} s" for span in spans)
        return self.told(what, seen, all_hold(self._holds(one) for one in passed))

    def _holds(self, one: results.Handover) -> bool | None:
        if one.since_last_renewal_s is None:
            return None
        (low, high), span, error = self.after_last_renewal_s, one.since_last_renewal_s, one.clock_error_s
        return _within(span - error, span + error, low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover(Expectation):
    """Leadership passed, and the longest failover lasted from `at_least_s` to `at_most_s`, judged by the whole bracket.

    `total`: not the longest one, but all of them together.
    """

    at_least_s: float = 0.0
    at_most_s: float
    total: bool = False

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        kind = "failovers in all" if self.total else "failover"
        what = f"{kind} {limits_text(self.at_least_s or None, self.at_most_s, 's')}"
        found = evidence.failover
        if found is None:
            return self.told(what, "no handover", False)
        low, middle, high = found.low_s, found.estimate_s, found.high_s
        if self.total:
            low, middle, high = found.total_low_s, found.total_estimate_s, found.total_high_s
        seen = f"{middle:.3f} s [{low:.3f}, {high:.3f}]"
        return self.told(what, seen, _within(low, high, self.at_least_s, self.at_most_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves(Expectation):
    """Leadership passed from `at_least` to `at_most` times."""

    at_least: int = 1
    at_most: int

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        count = len(evidence.failover.handovers) if evidence.failover else 0
        return self.told(f"{self.at_least} to {self.at_most} moves", f"{count}", self.at_least <= count <= self.at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(Expectation):
    """Two leaders worked at once, from `at_least_s` to `at_most_s` in all, judged by the whole bracket."""

    at_least_s: float
    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"two leaders at work {limits_text(self.at_least_s, self.at_most_s, 's')}"
        found = evidence.failover
        if found is None:
            return self.told(what, "no handover", None)
        return self.told(
            what, overlap_text(found), _within(found.overlap_s, found.overlap_high_s, self.at_least_s, self.at_most_s)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOverlap(Expectation):
    """No piece of work was done by a leader after the next one's first. Without a handover nothing can be told."""

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what, found = "never two leaders at work", evidence.failover
        if found is None:
            return self.told(what, "no handover", None)
        holds = False if found.stale else None if found.stale_unsure else True
        return self.told(what, overlap_text(found), holds)


def overlap_text(found: results.Failover) -> str:
    """An overlap in words: 3.120 s [3.120, 3.160] of overlap, 156 pieces of work."""
    if not found.stale and not found.stale_unsure:
        return "no overlap"
    unsure = f", and {found.stale_unsure} within the clocks' error" if found.stale_unsure else ""
    return (
        f"between {found.overlap_s:.3f} and {found.overlap_high_s:.3f} s of overlap,"
        f" {found.stale} pieces of work{unsure}"
    )


def _within(low: float, high: float, at_least: float, at_most: float) -> bool | None:
    """Whether a bracket lies within limits; None where it straddles one."""
    if high < at_least or low > at_most:
        return False
    return True if low >= at_least and high <= at_most else None
