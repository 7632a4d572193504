"""The search for the least settings that hold. Pure: told of trials, it says which settings to try next.

A setting is a point: whole numbers, each of which costs more the higher it is, the costliest first. It takes it that
more of any of them never hurts: what fails, fails with less of everything too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Point = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """So many restarts at one point, in `failed` of which a limit was broken."""

    point: Point
    restarts: int
    failed: int


def within(one: Point, other: Point) -> bool:
    """Whether one point has no more of anything than another."""
    return all(a <= b for a, b in zip(one, other, strict=True))


@dataclass
class Search:
    """Of the points from `least` to `most`, each included: the least that holds, from `start` on.

    `start` has `least` of all but the last number: what is costly is tried only once the longest last number is not
    enough. What is found cannot do with less of any one number. A single failure puts a point out.
    """

    least: Point
    most: Point
    start: Point
    trials: list[Trial] = field(default_factory=list)

    def tell(self, trial: Trial) -> None:
        """Take note of a trial."""
        self.trials.append(trial)

    def out(self, point: Point) -> bool:
        """Whether a failure speaks against a point."""
        return any(one.failed and within(point, one.point) for one in self.trials)

    @property
    def best(self) -> Point | None:
        """The least point that was tried and that nothing speaks against; None if there is none."""
        held = (one.point for one in self.trials if one.restarts and not one.failed)
        return min((point for point in held if not self.out(point)), default=None)

    @property
    def hopeless(self) -> bool:
        """Whether even the most of everything failed."""
        return self.out(self.most)

    def next(self, side_by_side: int) -> list[Point]:
        """What to try now, side by side; nothing once it is hopeless, or once no point below the best is left.

        First the start, and less of the last number; without luck, the most of that, and of all. Then number by number
        what divides the values that are left evenly.
        """
        if self.hopeless:
            return []
        best = self.best
        if best is not None:
            line = next(filter(None, (self._below(best, place) for place in range(len(best)))), [])
            return _spread(line, side_by_side)
        if self.out(self.start):
            tops = [(*self.least[:-1], self.most[-1]), self.most]
            return [one for one in dict.fromkeys(tops) if not self.out(one)][:side_by_side]
        return [self.start, *_spread(self._below(self.start, len(self.start) - 1), side_by_side - 1)]

    def _below(self, point: Point, place: int) -> list[Point]:
        """The points that have less of one number and that nothing speaks against, from the least on."""
        values = range(self.least[place], point[place])
        points = [(*point[:place], value, *point[place + 1 :]) for value in values]
        return [one for one in points if not self.out(one)]

    def tried(self) -> Iterator[Trial]:
        """Each point that was tried, once, with its restarts in all; the least first."""
        for point in sorted({one.point for one in self.trials}):
            those = [one for one in self.trials if one.point == point]
            yield Trial(point, sum(one.restarts for one in those), sum(one.failed for one in those))


def _spread(points: list[Point], count: int) -> list[Point]:
    """So many of the points, evenly between the ends."""
    count = min(count, len(points))
    return [points[len(points) * (2 * n + 1) // (2 * count)] for n in range(count)]
