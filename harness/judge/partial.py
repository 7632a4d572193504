"""Partial outages: what chance hides when only some of several backends are down.

A Service spreads new connections by chance, so while a share s of its backends is down each request meets the trouble
with the probability s, and the trouble goes on for some requests before its first failure and after its last one.
"""

import math

from harness.judge.bounds import upper_bound

CONFIDENCE = 0.99
_BEYOND = 1 - (1 - CONFIDENCE) / 2


def missed_on_average(failed: int, answered: int) -> float:
    """How many spacings lie, on average, between an end of the trouble and the failure next to it."""
    share = max(failed - 1, 1) / (failed + answered)
    return 1 / share - 0.5


def missed_at_most(share: float) -> float:
    """How many requests in a row miss the trouble at most, on each of its two sides, at CONFIDENCE for both."""
    if share >= 1:
        return 1.0
    return max(1.0, math.log1p(-_BEYOND) / math.log1p(-share)) if share > 0 else math.inf


def least_share(failed: int, answered: int, pods: int) -> float:
    """The least share of requests that the trouble can have hit, by what was seen within it.

    It is the exact bound at CONFIDENCE; the first of the failures proves nothing, since the trouble is where it is for
    its sake. Where answers name their pods it takes the trouble to be that of whole pods: at least one of them, unless
    even fewer requests failed. `pods` is 0 where they do not.
    """
    by_count = 1 - upper_bound(answered, failed - 1 + answered, CONFIDENCE)
    by_pods = min(1 / pods, failed / (failed + answered)) if pods else 0.0
    return max(by_count, by_pods)


def may_be_partial(failed: int, pods: int) -> bool:
    """Whether so few failures in a row can come about though one of several pods was well, at CONFIDENCE."""
    return pods > 1 and least_share(failed, 0, pods) <= (pods - 1) / pods
