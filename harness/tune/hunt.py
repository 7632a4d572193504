"""The hunt for an app's least settings: search, then what follows for grace and probes, then the proof of the whole.

Pure but for the trials, which are given: it is the same against a cluster and against an app made up.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.judge.bounds import restarts_needed, upper_bound
from harness.tune.change import Bench, Setting
from harness.tune.search import Point, Search, Trial
from harness.tune.timing import NOTHING, Timing, derived, generous

AT_FIRST: Final = 3
"""Restarts of a setting that is only looked at; what fails seldom is found out in the proof."""

TRIES: Final = 3
"""How often in a row all trials may be too noisy to be told before the hunt ends."""

LONGEST: Final = 300
"""Of why a trial could not be told so many characters are said; the run's folder has all."""

SETUP_S: Final = 15.0
RESTART_S: Final = 5.0
"""About what a trial takes beyond its restarts, and a restart beyond its sleep, before any was seen."""


@dataclass(frozen=True, slots=True)
class Task:
    """So many restarts at a setting. `point` is the setting's in the search."""

    point: Point
    setting: Setting
    restarts: int


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a task. `restarts` may be fewer than asked for; `why` says, if there are none, why not. Of `failed`
    ones a limit was broken, or it could not be told whether it was; `broken` says how.

    `drain_s`: how long after a pod's deletion the last request was sent that it lost. `each_s` is a restart's length,
    `setup_s` that of all else.
    """

    restarts: int
    failed: int = 0
    timing: Timing = NOTHING
    drain_s: float | None = None
    broken: str = ""
    why: str = ""
    each_s: float = RESTART_S
    setup_s: float = SETUP_S


Attempt = Callable[[Sequence[Task]], Sequence[Told]]
"""Try tasks side by side; what came of each, in their order."""


@dataclass
class Hunt:
    """See the module. `over` says why it has to end before its time; empty while it need not.

    So many trials are made `side_by_side`, and fewer once none of them could be told.
    """

    bench: Bench
    search: Search
    attempt: Attempt
    over: Callable[[], str]
    say: Callable[[str], None]
    below: float = 0.05
    confidence: float = 0.95
    side_by_side: int = 3
    at_first: int = AT_FIRST
    proved: Counter[Setting] = field(default_factory=Counter)
    timing: Timing = NOTHING
    broken: dict[Point, str] = field(default_factory=dict)
    rollouts_s: dict[Point, list[float]] = field(default_factory=dict)
    put_to_proof: set[Point] = field(default_factory=set)
    drain_s: float | None = None
    ended: str = ""
    _settled: dict[Point, Setting] = field(default_factory=dict)
    _allowed_s: float | None = None
    """What an app gets to stop, where that has to be longer than the search saw."""
    _untold: int = 0
    _each_s: float | None = None

    @property
    def needed(self) -> int:
        """How many restarts the proof has."""
        return restarts_needed(self.below, self.confidence)

    @property
    def point(self) -> Point | None:
        """The best known so far."""
        return self.search.best

    @property
    def setting(self) -> Setting | None:
        """The whole setting there, as it is or would be proved; None if nothing held."""
        return None if self.point is None else self._whole(self.point)

    @property
    def held(self) -> int:
        """How many restarts were without a failure at the whole setting."""
        return 0 if self.setting is None else self.proved[self.setting]

    @property
    def bound(self) -> float:
        """The exact bound on the share of restarts that break a limit at the whole setting."""
        return upper_bound(0, self.held, self.confidence) if self.held else 1.0

    @property
    def found(self) -> bool:
        """Whether the least setting is known and proved."""
        return self.held >= self.needed and not self.search.next(self.side_by_side)

    def run(self) -> None:
        """Until the least setting is found, none holds, or it is over; `ended` says why it ended before."""
        while not self.found and not self.search.hopeless:
            self.ended = self.over()
            if self.ended:
                return
            points = self.search.next(self.side_by_side)
            tasks = [Task(one, generous(self.bench, Setting.at(one)), self.at_first) for one in points] or self._proof()
            if not self._tell(tasks, self.attempt(tasks), proof=not points):
                return

    def _proof(self) -> list[Task]:
        """The rest of the proof of the best known, in parts."""
        assert self.point is not None
        self.put_to_proof.add(self.point)
        setting = self._settled[self.point] = self._whole(self.point)
        missing = self.needed - self.proved[setting]
        parts = min(self.side_by_side, missing)
        each = math.ceil(missing / parts)
        minutes = (each * self.restart_s(setting) + SETUP_S) / 60
        self.say(
            f"{setting.words} held: {missing} restarts more, {parts} side by side, show that fewer than"
            f" {self.below:.1%} break a limit; about {minutes:.1f} min"
        )
        counts = [missing // parts + (n < missing % parts) for n in range(parts)]
        return [Task(self.point, setting, count) for count in counts]

    def restart_s(self, setting: Setting) -> float:
        """About how long a restart takes."""
        return self._each_s if self._each_s is not None else RESTART_S + setting.sleep_s

    def _whole(self, point: Point) -> Setting:
        """The whole setting of a point; from the proof's begin on it stays, unless its grace period is not enough."""
        seen = self.timing + Timing(shutdown_s=self._allowed_s)
        return self._settled.get(point) or derived(self.bench, Setting.at(point), seen)

    def _tell(self, tasks: Sequence[Task], told: Sequence[Told], *, proof: bool) -> bool:
        """Take note of what came; whether to go on."""
        for task, one in zip(tasks, told, strict=True):
            if not one.restarts:
                self.say(f"{task.setting.words}: not told, {_short(one.why)}")
                continue
            self._each_s = one.each_s
            if one.failed:
                self.broken[task.point] = one.broken
            self.rollouts_s.setdefault(task.point, []).extend(one.timing.rollouts_s)
            self.drain_s = max((s for s in (self.drain_s, one.drain_s) if s is not None), default=None)
            self.search.tell(Trial(task.point, one.restarts, one.failed))
            self._say(task, one)
            self._time(task, one, proof=proof)
        if any(one.restarts for one in told):
            self._untold = 0
            return True
        self._untold += 1
        self.side_by_side = max(1, self.side_by_side - 1)  # what made it noisy may have been the others
        if self._untold >= TRIES:
            self.ended = f"no trial could be told, {TRIES} times in a row: {_short(told[0].why)}"
        return not self.ended

    def _time(self, task: Task, one: Told, *, proof: bool) -> None:
        """How long it took to stop; in the proof, whether its grace period was enough."""
        if not proof:
            self.timing += one.timing
        elif self._settled.get(task.point) != task.setting:
            return  # a trial beside it showed already that its grace period is not enough
        elif one.timing.killed and self.timing.shutdown_s is not None:
            self._allowed_s = 2 * max(self._allowed_s or 0.0, self.timing.shutdown_s) + 1
            del self._settled[task.point]
            self.say(f"{one.timing.killed} pods were killed at the end of their grace period: it becomes longer")
        elif not one.failed:
            self.proved[task.setting] += one.restarts
            self.timing += replace(one.timing, killed=0)

    def _say(self, task: Task, one: Told) -> None:
        self.say(f"{task.setting.words}: {one.failed} of {one.restarts} restarts broke a limit{_why(one.broken)}")


def _why(broken: str) -> str:
    return f" ({broken})" if broken else ""


def _short(why: str) -> str:
    return why if len(why) <= LONGEST else f"{why[:LONGEST]} …"
