"""A row's figure as SVG: the lanes of the report's timeline, for a page that stands still."""

import math
import pathlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from reports.figure import Bar, Figure, Gap, Line, Mark, Points, Row, Rows, Shots

CSS = pathlib.Path(__file__).parents[2] / "reports" / "assets" / "page.css"
"""The report's colours are these pictures' too."""

WIDTH, LEFT, RIGHT = 960, 176, 14
CHAR = 6.4
"""The width of a letter of 12 px, about."""

STRIPED, HOLLOW, SOLID = "striped", "hollow", "solid"
LOOKS: Final[dict[str, tuple[str, str]]] = {
    "pending": ("pending", SOLID), "running": ("running", SOLID), "ready": ("ready", SOLID),
    "terminating": ("terminating", STRIPED), "exited": ("exited", HOLLOW),
    "endpoint-ready": ("ready", SOLID), "endpoint-draining": ("terminating", STRIPED),
    "endpoint-unready": ("exited", HOLLOW), "stream": ("ready", SOLID), "stream-told": ("terminating", STRIPED),
    "stream-cut": ("gap", SOLID), "holder0": ("holder0", SOLID), "holder1": ("holder1", SOLID),
    "holder2": ("holder2", SOLID), "holder3": ("holder3", SOLID), "nobody": ("exited", HOLLOW),
    "phase0": ("exited", HOLLOW), "phase1": ("exited", HOLLOW), "gap": ("gap", STRIPED),
    "overlap": ("overlap", STRIPED),
}  # fmt: skip
"""Each state's colour and look; a state that is not here is an error."""

DARK = {"ready", "gap", "overlap", "holder0", "holder1", "holder2", "holder3"}
"""Colours on which text is light."""

CROSS, TRIANGLE = "M-5 -5l10 10m-10 0l10 -10", "M-5 -4h10l-5 8z"
SQUARE, DISC, DIAMOND = "M-4 -4h8v8h-8z", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "M0 -5l5 5l-5 5l-5 -5z"
MARKS: Final[dict[str, tuple[str, str]]] = {
    "signal": (TRIANGLE, "ink"), "exit": (SQUARE, "ink"), "killed": (CROSS, "bad"), "restart": (DISC, "ready"),
    "begin": (TRIANGLE, "accent"), "done": (DISC, "accent"), "refused": (CROSS, "unknown"), "failed": (CROSS, "bad"),
    "heal": (DIAMOND, "accent"),
}  # fmt: skip
"""Each mark's shape and colour."""


def colours() -> dict[str, str]:
    """The report's colours by day."""
    (day,) = re.findall(r":root \{(.*?)\}", CSS.read_text(), re.DOTALL)[:1]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", day))


@dataclass
class Pen:
    """Where the drawing is at: elements so far, the next free line, and the stretch of time that is shown."""

    view: tuple[float, float]
    ink: dict[str, str] = field(default_factory=colours)
    y: float = 6
    parts: list[str] = field(default_factory=list)

    def x(self, at_s: float) -> float:
        """The place of a moment; what lies outside is put on the edge."""
        low, high = self.view
        share = min(max((at_s - low) / (high - low), 0), 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def shows(self, at_s: float) -> bool:
        """Whether a moment lies in the stretch that is shown."""
        return self.view[0] <= at_s <= self.view[1]

    def box(self, x: float, y: float, width: float, height: float, colour: str, more: str = "") -> None:
        """A rectangle."""
        fill = self.ink[colour]
        self.parts.append(
            f'<rect x="{x}" y="{y:g}" width="{max(width, 1):.1f}" height="{height:g}" fill="{fill}"{more}/>'
        )

    def say(
        self, x: float, y: float, text: str, colour: str = "muted", anchor: str = "start", size: float = 12
    ) -> None:
        """A line of text."""
        told = escape(text, quote=False)
        look = f'fill="{self.ink[colour]}" text-anchor="{anchor}" font-size="{size:g}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}" {look}>{told}</text>')

    def draw(self, path: str, colour: str, more: str = "") -> None:
        """A line."""
        if path:
            self.parts.append(f'<path d="{path}" stroke="{self.ink[colour]}" fill="none"{more}/>')


def svg(figure: Figure, label: str) -> str:
    """The picture, with a white card behind it; `label` says in words what is to be seen."""
    pen = Pen(figure.view)
    _acts(pen, figure.acts)
    if figure.gaps:
        _gaps(pen, figure.gaps)
    plots: list[tuple[float, float]] = []
    for lane in figure.lanes:
        pen.say(2, pen.y + 18, lane.title, "ink")
        pen.y += 26
        top = pen.y
        _lane(pen, lane)
        plots.append((top, pen.y))
    behind = Pen(figure.view)
    for top, bottom in plots:
        behind.box(LEFT, top, WIDTH - LEFT - RIGHT, bottom - top, "plot")
    _shade(behind, figure, pen.y)
    _seconds(pen, figure)
    drawn = "".join(behind.parts + pen.parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {pen.y:g}" role="img"'
        ' font-family="system-ui, sans-serif">'
        f"<title>{escape(label)}</title>"
        '<defs><pattern id="s" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0 0v6" stroke="#ffffff" stroke-width="3" stroke-opacity=".45"/></pattern></defs>'
        f'<rect width="{WIDTH}" height="{pen.y:g}" fill="{pen.ink["card"]}"/>{drawn}</svg>\n'
    )


def _lane(pen: Pen, lane: Rows | Shots | Line) -> None:
    if isinstance(lane, Shots):
        _shots(pen, lane)
    elif isinstance(lane, Rows):
        for row in lane.rows:
            _row(pen, row, marked=any(one.marks for one in lane.rows))
    else:
        _line(pen, lane)


def _free(items: Sequence[tuple[float, str]], levels: int) -> list[int | None]:
    """For each text at a place the first line on which it covers no other; None where there is none."""
    ends = [-math.inf] * levels
    found: list[int | None] = []
    for x, text in items:
        level = next((n for n, end in enumerate(ends) if end <= x), None)
        if level is not None:
            ends[level] = x + len(text) * CHAR + 20
        found.append(level)
    return found


def _acts(pen: Pen, acts: Sequence[Mark]) -> None:
    """What was done, and when: each on the first of four lines on which there is room."""
    if not acts:
        return
    levels = _free([(pen.x(act.at_s), act.text) for act in acts], 4)
    pen.say(LEFT - 8, pen.y + 12, "Acts", anchor="end")
    for act, level in zip(acts, levels, strict=True):
        if level is not None:
            _mark(pen, pen.x(act.at_s), pen.y + 8 + 17 * level, act)
            room = pen.x(act.at_s) + len(act.text) * CHAR + 12 < WIDTH
            pen.say(
                pen.x(act.at_s) + (9 if room else -9),
                pen.y + 12 + 17 * level,
                act.text,
                "ink",
                "start" if room else "end",
            )
    pen.y += 17 * (max((level for level in levels if level is not None), default=0) + 1) + 4


def _mark(pen: Pen, x: float, y: float, mark: Mark) -> None:
    path, colour = MARKS[mark.shape]
    look = f'fill="{pen.ink[colour] if path.endswith("z") else "none"}" stroke="{pen.ink[colour]}" stroke-width="1.6"'
    pen.parts.append(f'<path transform="translate({x:g} {y:g})" d="{path}" {look}/>')


def _gaps(pen: Pen, gaps: Sequence[Gap]) -> None:
    """Outages: thick where certain, thin within their bounds; the three longest say how long."""
    pen.say(LEFT - 8, pen.y + 15, "Outage" if len(gaps) == 1 else f"{len(gaps)} outages", anchor="end")
    for gap in gaps:
        pen.box(pen.x(gap.from_s), pen.y + 8, pen.x(gap.to_s) - pen.x(gap.from_s), 6, "outage", ' fill-opacity=".55"')
        pen.box(pen.x(gap.sure_from_s), pen.y + 3, pen.x(gap.sure_to_s) - pen.x(gap.sure_from_s), 16, "outage")
    longest = sorted(sorted(gaps, key=lambda gap: gap.from_s - gap.to_s)[:3], key=lambda gap: gap.from_s)
    free = 0.0
    for gap in longest:
        start, end, long = pen.x(gap.from_s), pen.x(gap.to_s), len(gap.text) * CHAR + 10
        if end - start > long:
            pen.say(start + 6, pen.y + 15, gap.text, "on")
        elif end + long < WIDTH and end > free:
            pen.say(end + 5, pen.y + 15, gap.text, "ink")
            free = end + long
        elif start - long > max(LEFT, free):
            pen.say(start - 5, pen.y + 15, gap.text, "ink", "end")
    pen.y += 24


def _shots(pen: Pen, lane: Shots, height: float = 150) -> None:
    """Requests: latency over the moment at which each was due, the latency by powers of ten."""
    all_ms = [max(ms, 0.01) for points in (lane.good, lane.bad, lane.unknown) for ms in points.ms]
    low = max(math.log10(min([*all_ms, 1])), -2) - 0.15
    high = math.log10(max([*all_ms, 1])) + 0.2
    top = pen.y

    def y(ms: float) -> float:
        return round(top + height - (math.log10(max(ms, 0.01)) - low) / (high - low) * height, 1)

    for power in range(math.ceil(low), math.floor(high) + 1):
        ms = 10.0**power
        pen.draw(f"M{LEFT} {y(ms):g}H{WIDTH - RIGHT}", "grid")
        pen.say(LEFT - 8, y(ms) + 4, f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s", anchor="end")
    pen.draw(_at(pen, lane.good, y, "h0"), "good", ' stroke-width="3.4" stroke-linecap="round" stroke-opacity=".55"')
    pen.draw(_at(pen, lane.unknown, y, "m-4 0l4 -4l4 4l-4 4z"), "unknown", ' stroke-width="1.4"')
    pen.draw(_at(pen, lane.bad, y, "m-3 -3l6 6m-6 0l6 -6"), "bad", ' stroke-width="1.4"')
    pen.y += height


def _at(pen: Pen, points: Points, y: Callable[[float], float], mark: str) -> str:
    pairs = zip(points.at_s, points.ms, strict=True)
    return "".join(f"M{pen.x(at_s):g} {y(ms):g}{mark}" for at_s, ms in pairs if pen.shows(at_s))


def _row(pen: Pen, row: Row, *, marked: bool) -> None:
    """One thing's line: its bars, and above them its marks, where the lane has any."""
    height, top = 15.0, pen.y + (15 if marked else 4)
    label = row.label if len(row.label) <= 26 else f"…{row.label[-25:]}"
    pen.say(LEFT - 8, top + 12, label, anchor="end")
    for bar in row.bars:
        if bar.end_s >= pen.view[0] and bar.start_s <= pen.view[1]:
            _bar(pen, bar, top, height)
    seen = [mark for mark in row.marks if pen.shows(mark.at_s)]
    for mark, level in zip(seen, _free([(pen.x(mark.at_s) - 4, mark.text) for mark in seen], 1), strict=True):
        _mark(pen, pen.x(mark.at_s), top + height / 2, mark)
        if level is not None:
            room = pen.x(mark.at_s) + len(mark.text) * CHAR < WIDTH
            pen.say(pen.x(mark.at_s), top - 3, mark.text, "ink", "start" if room else "end", 10.5)
    pen.y = top + height + 5


def _bar(pen: Pen, bar: Bar, top: float, height: float) -> None:
    colour, look = LOOKS[bar.state]
    start, width = pen.x(bar.start_s), max(pen.x(bar.end_s) - pen.x(bar.start_s), 1.5)
    if look == HOLLOW:
        pen.box(start, top, width, height, "plot", f' stroke="{pen.ink["skip"]}" stroke-width=".8"')
    else:
        pen.box(start, top, width, height, colour)
    if look == STRIPED:
        pen.parts.append(f'<rect x="{start}" y="{top:g}" width="{width:.1f}" height="{height:g}" fill="url(#s)"/>')
    if len(bar.text) * 6 + 8 < width:
        pen.say(start + 4, top + 11.5, bar.text, "on" if colour in DARK and look != HOLLOW else "ink", size=11)


def _line(pen: Pen, lane: Line, height: float = 46) -> None:
    most = max([*lane.values, 1])
    shown = [
        (pen.x(t), pen.y + height * (1 - v / most)) for t, v in zip(lane.at_s, lane.values, strict=True) if pen.shows(t)
    ]
    pen.say(LEFT - 8, pen.y + 10, f"{most:g}", anchor="end")
    pen.draw("".join(f"{'L' if n else 'M'}{x:g} {y:.1f}" for n, (x, y) in enumerate(shown)), "muted")
    pen.y += height


def _shade(pen: Pen, figure: Figure, bottom: float) -> None:
    """Behind all lanes: the outages, and a line at each act."""
    for gap in figure.gaps[:200]:
        pen.box(pen.x(gap.from_s), 6, pen.x(gap.to_s) - pen.x(gap.from_s), bottom - 6, "outage", ' fill-opacity=".12"')
    for act in figure.acts:
        dash = "" if act.shape == "begin" else ' stroke-dasharray="2 3" stroke-opacity=".5"'
        pen.draw(f"M{pen.x(act.at_s)} 6V{bottom:g}", MARKS[act.shape][1], dash)


def _seconds(pen: Pen, figure: Figure) -> None:
    """The axis of time."""
    low, high = figure.view
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(step * n for n in (1, 2, 5, 10) if (high - low) / (step * n) <= 10)
    for n in range(math.ceil(low / step), math.floor(high / step) + 1):
        pen.draw(f"M{pen.x(n * step)} {pen.y:g}v4", "muted")
        pen.say(pen.x(n * step), pen.y + 17, f"{n * step:g} s", anchor="middle")
    what = "act" if figure.acts else "record"
    pen.say(LEFT - 8, pen.y + 17, f"from the first {what}", anchor="end", size=11)
    pen.y += 26
