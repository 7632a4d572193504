"""The search for the smallest sleep that holds. Pure: told of trials, it says which to try next."""

import math
from dataclasses import dataclass, field

from harness.judge.bounds import CONFIDENCE, upper_bound


@dataclass(frozen=True, slots=True)
class Trial:
    """So many restarts at one sleep, in so many of which a request failed; `drain_s` is the longest drain seen."""

    sleep_s: int
    restarts: int
    failed: int
    drain_s: float | None = None


def restarts_needed(below: float, confidence: float = CONFIDENCE) -> int:
    """How many restarts without a failure show that fewer than `below` of such restarts fail."""
    return math.ceil(math.log1p(-confidence) / math.log1p(-below))


@dataclass
class Search:
    """Of the sleeps 0 to `highest_s`: those that failed, and what is known of the others.

    It holds that what a sleep spares a longer one does too: a sleep is out if it, or a longer one, failed. The smallest
    one left is tried until `needed` restarts in all were without a failure.
    """

    highest_s: int
    needed: int
    at_first: int = 3
    trials: list[Trial] = field(default_factory=list)

    def tell(self, trial: Trial) -> None:
        """Take note of a trial."""
        self.trials.append(trial)

    @property
    def least_s(self) -> int:
        """The smallest sleep that no failure speaks against."""
        return max((one.sleep_s + 1 for one in self.trials if one.failed), default=0)

    def held(self, sleep_s: int) -> int:
        """In how many restarts a sleep held."""
        return sum(one.restarts for one in self.trials if one.sleep_s == sleep_s and not one.failed)

    @property
    def known_s(self) -> int:
        """The smallest sleep that was tried and held; past the highest one if there is none."""
        good = [one.sleep_s for one in self.trials if one.sleep_s >= self.least_s and not one.failed]
        return min(good, default=self.highest_s + 1)

    @property
    def hopeless(self) -> bool:
        """Whether even the longest sleep failed."""
        return self.least_s > self.highest_s

    @property
    def found(self) -> bool:
        """Whether the smallest sleep is known, and was proved."""
        return not self.hopeless and self.known_s == self.least_s and self.held(self.least_s) >= self.needed

    @property
    def below(self) -> float:
        """The exact bound on the share of restarts that fail at the smallest sleep."""
        return upper_bound(0, self.held(self.least_s)) if self.held(self.least_s) else 1.0

    def next(self, side_by_side: int) -> list[tuple[int, int]]:
        """What to try now, side by side: (sleep, restarts); nothing once it is found or hopeless.

        While the smallest is not known, sleeps that divide what is left evenly; then the rest of its proof in parts.
        """
        if self.found or self.hopeless:
            return []
        low, high = self.least_s, min(self.known_s, self.highest_s)
        if low < self.known_s:
            left = list(range(low, high + 1 if self.known_s > self.highest_s else high))
            count = min(side_by_side, len(left))
            chosen = {left[(len(left) * (2 * n + 1)) // (2 * count)] for n in range(count)}
            return [(one, self.at_first) for one in sorted(chosen)]
        missing = self.needed - self.held(low)
        parts = min(side_by_side, missing)
        return [(low, missing // parts + (n < missing % parts)) for n in range(parts)]
