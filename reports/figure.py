"""A figure as data: what the page's script draws, all times in seconds from the figure's zero.

The page knows three kinds of lanes and nothing of Kubernetes: points (requests), rows of bars with marks (lives of
pods, endpoints, leases, work), and one line. They share one time axis.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in one state. `state` chooses the look, `text` stands in the bar, `detail` in its hover."""

    start_s: float
    end_s: float
    state: str
    text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment. `shape` is signal, exit, killed, restart, begin, done, refused, failed or heal."""

    at_s: float
    shape: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing's line in a lane: its label, what its hover adds, its bars and marks."""

    label: str
    about: str
    bars: list[Bar]
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rows:
    """A lane of rows."""

    title: str
    rows: list[Row]
    kind: str = "rows"


@dataclass(frozen=True, slots=True)
class Points:
    """Requests of one outcome in columns of equal length; `what` and `pod` index the lane's `words`."""

    at_s: list[float]
    ms: list[float]
    what: list[int]
    pod: list[int]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Latency over time, ms: in each window of `window_s` around `at_s` the percentiles of the `count` answered."""

    window_s: float
    at_s: list[float]
    p50: list[float]
    p99: list[float]
    max: list[float]
    count: list[int]


@dataclass(frozen=True, slots=True)
class Shots:
    """A lane of requests: latency (ms, from the scheduled time) over scheduled time. Good ones may be thinned."""

    title: str
    about: str
    words: list[str]
    good: Points
    bad: Points
    unknown: Points
    good_total: int
    latency: Quantiles | None = None
    kind: str = "shots"


@dataclass(frozen=True, slots=True)
class Line:
    """A lane with one line."""

    title: str
    at_s: list[float]
    values: list[float]
    limit: float | None = None
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class Gap:
    """An outage. It surely lasted from `sure_from_s` to `sure_to_s`, and possibly from `from_s` to `to_s`."""

    from_s: float
    sure_from_s: float
    sure_to_s: float
    to_s: float
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story of a row: when, who said it, what."""

    at_s: float
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One row's picture. `view` is the stretch shown first, `focus` the one that matters most (None if none does)."""

    start_s: float
    end_s: float
    view: tuple[float, float]
    focus: tuple[float, float] | None
    zero: str
    acts: list[Mark]
    gaps: list[Gap]
    lanes: list[Rows | Shots | Line]
    story: list[Told]
    story_left_out: int
    logs: list[Told] = field(default_factory=list)
    logs_left_out: int = 0

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)
