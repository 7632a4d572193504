"""Whether a row has become slower over the nights. Pure: numbers in, a judgement out.

No limit is drawn from few runs, and none from a percentile that so many runs cannot know:

- The last `RECENT` nights are compared with the up to `BEFORE` nights before them by the exact permutation test of rank
  sums, one-sided, ties at their mean rank. It assumes nothing of how the figures are spread.
- Of one night alone only a percentile could tell; the 99th needs `FOR_P99` nights before it. Until then a night that is
  above all others is only watched: of n nights the last is the largest once in n by chance.
- Whatever is slower must be so by a step that matters (`FLOORS`): what is significant may still be nothing.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["new", "steady", "watch", "slower"]

RECENT = 3
BEFORE = 30
LEAST = 20
"""Earlier nights without which nothing is judged: the least p of the test is then 1 in 1771, below ALPHA."""
ALPHA = 0.001
FOR_P99 = 100
FLOORS = {"outage_s": (0.1, 0.25), "error_share": (0.005, 0.25), "failover_s": (0.25, 0.25)}
"""By how much a figure must be above the earlier median: at least so much, and at least this share of it."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A judgement on the newest figures. `median` is of the nights before; `limit` the P99, None before it is known."""

    status: Status
    why: str
    nights: int
    median: float | None = None
    limit: float | None = None
    p: float | None = None


def rank_p(recent: Sequence[float], before: Sequence[float]) -> float:
    """The exact chance that the recent ones rank as high as they do, were the nights' order of no matter."""
    pooled = [*before, *recent]
    order = sorted(pooled)
    mean_rank = {
        value: sum(places) / len(places)
        for value, group in itertools.groupby(enumerate(order, 1), key=lambda pair: pair[1])
        if (places := [place for place, _ in group])
    }
    ranks = [mean_rank[value] for value in pooled]
    seen = sum(ranks[len(before) :])
    as_high = sum(sum(chosen) >= seen - 1e-9 for chosen in itertools.combinations(ranks, len(recent)))
    return as_high / math.comb(len(pooled), len(recent))


def p99(values: Sequence[float]) -> float | None:
    """The 99th percentile; None where there are too few to know one."""
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) >= FOR_P99 else None


def floor(what: str, median: float) -> float:
    """What a figure must exceed to matter."""
    least, share = FLOORS[what]
    return median + max(least, share * median)


def judge(what: str, values: Sequence[float]) -> Trend:
    """The newest of a row's figures of one kind, the oldest first, against those before."""
    nights = len(values)
    if nights < LEAST + 1:
        return Trend("new", f"{nights} of {LEAST + RECENT} nights", nights)
    earlier, newest = values[:-1], values[-1]
    limit = p99(earlier)
    usual = statistics.median(earlier[-BEFORE:])
    if limit is not None and newest > max(limit, floor(what, usual)):
        return Trend("slower", f"above the 99th percentile of {nights - 1} nights", nights, usual, limit)
    if nights >= LEAST + RECENT:
        recent, before = values[-RECENT:], values[-RECENT - BEFORE : -RECENT]
        usual = statistics.median(before)
        if statistics.median(recent) > floor(what, usual):
            p = rank_p(recent, before)
            if p <= ALPHA:
                why = f"the last {RECENT} nights are slower than the {len(before)} before (p = {p:.1g}, exact)"
                return Trend("slower", why, nights, usual, limit, p)
    window = earlier[-BEFORE:]
    if newest > max(window) and newest > floor(what, usual):
        return Trend(
            "watch", f"above all {len(window)} nights before; 1 in {len(window) + 1} by chance", nights, usual, limit
        )
    return Trend("steady", "", nights, usual, limit)
