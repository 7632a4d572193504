"""Bounds on shares: how bad a thing may be that was seen k times in n."""

import math
from collections.abc import Iterable

from harness.words import at_most_percent

CONFIDENCE = 0.95


def upper_bound(failures: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided upper bound (Clopper and Pearson, 1934) of a share after `failures` in `n`.

    It is the p at which so few failures or fewer come with the probability 1 - confidence. For no failure that is
    1 - (1 - confidence) ** (1 / n), about 3 / n at 95 %. With n = 0 nothing is known: 1.
    """
    if not 0 <= failures <= n:
        raise ValueError(f"{failures} failures of {n}")
    if failures == n:
        return 1.0
    if failures == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    low, high = failures / n, 1.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _at_most(failures, n, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """The probability of at most k of n, for p > k / n: then its terms fall from k downwards, so few are needed."""
    log_top = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(log_top + k * math.log(p) + (n - k) * math.log1p(-p))
    total = term
    for i in range(k, 0, -1):
        term *= i / (n - i + 1) * (1 - p) / p
        total += term
        if term < total * 1e-15:
            break
    return total


def restarts_needed(below: float, confidence: float = CONFIDENCE) -> int:
    """How many restarts without a failure show that fewer than `below` of such restarts fail."""
    return math.ceil(math.log1p(-confidence) / math.log1p(-below))


def quantile_at_most(values: Iterable[float], share: float, confidence: float = CONFIDENCE) -> float | None:
    """An upper bound of what `share` of all values do not exceed, by order statistics, whatever their distribution is.

    It is the least of the values that so few others lie above that fewer than 1 - share of all do; None where there are
    too few values to tell (fewer than 59 for a share of 0.95 at 95 %). The greatest of n bounds the share
    1 - upper_bound(0, n).
    """
    ordered = sorted(values)
    n = len(ordered)
    bounds = (value for k, value in enumerate(ordered, 1) if upper_bound(n - k, n, confidence) <= 1 - share)
    return next(bounds, None)


def percent(share: float) -> str:
    """A share as a per cent figure of two digits: 0.058 %."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def per_request(errors: int, requests: int) -> str:
    """The bound in words, where the unit is the request."""
    return f"{errors:,} of {requests:,} requests failed: below {at_most_percent(upper_bound(errors, requests))} at 95 %"


def per_restart(failures: int, restarts: int) -> str:
    """The bound in words, where the unit is the restart: requests of one restart fail together."""
    of = "1 restart" if restarts == 1 else f"{restarts:,} restarts"
    return f"{failures:,} of {of} failed: below {at_most_percent(upper_bound(failures, restarts))} at 95 %"
