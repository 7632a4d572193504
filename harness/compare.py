"""Two runs side by side, row by row: better or worse only where the bounds of the two figures do not overlap. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from harness.judge.bounds import percent, upper_bound
from harness.results import Result, Traffic

Word = Literal["better", "worse", "same", "not told apart", "mixed", "only before", "only after"]

RANKS = {"pass": 0, "skip": 1, "inconclusive": 1, "fail": 2, "error": 2}
UNSEEN_S = 0.0
"""What an outage that was not seen lasted at least; at most it is the `certain_s` of its traffic."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure before and after; of each its words and the bounds it lies in, None where it was not measured."""

    what: str
    words: tuple[str, str]
    before: tuple[float, float] | None
    after: tuple[float, float] | None

    @property
    def word(self) -> Word:
        """How it changed; less is better."""
        if self.before is None or self.after is None:
            return "not told apart"
        if self.before == self.after:
            return "same"
        if self.after[1] < self.before[0]:
            return "better"
        return "worse" if self.after[0] > self.before[1] else "not told apart"


@dataclass(frozen=True, slots=True)
class Change:
    """A row in the two runs."""

    name: str
    id: str
    verdicts: tuple[str, str]
    figures: list[Figure]

    @property
    def word(self) -> Word:
        """How the row changed: by its verdict, else by its figures."""
        if "" in self.verdicts:
            return "only after" if not self.verdicts[0] else "only before"
        before, after = (RANKS[one] for one in self.verdicts)
        if before != after and 1 not in (before, after):
            return "better" if after < before else "worse"
        words = {one.word for one in self.figures}
        if {"better", "worse"} <= words:
            return "mixed"
        return next((word for word in WORDS if word in words), "same")


WORDS: tuple[Word, ...] = ("worse", "better", "not told apart", "same")


def compare(before: Iterable[Result], after: Iterable[Result]) -> list[Change]:
    """The rows of two runs by name: those of the first in its order, then those that only the second has."""
    old, new = {one.name: one for one in before}, {one.name: one for one in after}
    return [_change(name, old.get(name), new.get(name)) for name in [*old, *(one for one in new if one not in old)]]


def worsened(changes: Iterable[Change]) -> bool:
    """Whether any row is worse, or in part."""
    return any(one.word in ("worse", "mixed") for one in changes)


def _change(name: str, before: Result | None, after: Result | None) -> Change:
    known = before or after
    assert known is not None
    verdicts = (before.verdict if before else "", after.verdict if after else "")
    return Change(name, known.id, verdicts, list(_figures(before, after)) if before and after else [])


def _figures(before: Result, after: Result) -> Iterator[Figure]:
    both = (before, after)
    if any(one.traffic for one in both):
        shares, outages = [_share(one.traffic) for one in both], [_outage(one.traffic) for one in both]
        yield Figure("errors", (shares[0][0], shares[1][0]), shares[0][1], shares[1][1])
        yield Figure("longest outage", (outages[0][0], outages[1][0]), outages[0][1], outages[1][1])
    if any(one.failover for one in both):
        passed = [_failover(one) for one in both]
        yield Figure("failover", (passed[0][0], passed[1][0]), passed[0][1], passed[1][1])


def _share(traffic: Traffic | None) -> tuple[str, tuple[float, float] | None]:
    """The share of failed requests with its exact bounds at 95 % on each side.

    Requests of one restart fail together, so this is of these restarts, not of the next.
    """
    if traffic is None or not (known := traffic.requests - traffic.unknown):
        return "not measured", None
    least = 1 - upper_bound(known - traffic.errors, known) if traffic.errors else 0.0
    return f"{traffic.errors}/{known} ({percent(traffic.errors / known)})", (least, traffic.error_rate_below)


def _outage(traffic: Traffic | None) -> tuple[str, tuple[float, float] | None]:
    """The longest outage; without any, none that is longer than what would surely have been seen."""
    if traffic is None:
        return "not measured", None
    longest = max(traffic.outages, key=lambda one: one.estimate_s, default=None)
    if longest is None:
        return "none", None if traffic.certain_s is None else (UNSEEN_S, traffic.certain_s)
    return f"{longest.estimate_s:.3f} s [{longest.low_s:.3f}, {longest.high_s:.3f}]", (longest.low_s, longest.high_s)


def _failover(result: Result) -> tuple[str, tuple[float, float] | None]:
    found = result.failover
    if found is None:
        return "not measured", None
    return f"{found.estimate_s:.3f} s [{found.low_s:.3f}, {found.high_s:.3f}]", (found.low_s, found.high_s)
