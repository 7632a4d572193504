"""The nights as one page: each row's figures over the runs, with their bounds, and what the newest say."""

from dataclasses import dataclass

from reports import html, text, trend
from reports.nights import ERRORS, WORDS, Figure, Nights

WIDTH, HEIGHT, PAD = 260.0, 28.0, 4.0
SHOWN = 60
"""So many of the last nights are drawn."""

ORDER: tuple[trend.Status, ...] = ("slower", "watch", "steady", "new")
LOOKS = {"slower": "fail", "watch": "inconclusive", "steady": "pass", "new": "skip"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One night in a row's picture, in its coordinates: the figure, its bounds, and what a hover says."""

    x: float
    y: float
    low_y: float
    high_y: float
    verdict: str
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row's figures of one kind over the nights."""

    row: str
    name: str
    what: str
    found: trend.Trend
    newest: str
    usual: str
    limit: str
    drawn: list[Drawn]
    median_y: float | None
    limit_y: float | None

    @property
    def anchor(self) -> str:
        """Its address in the page."""
        return f"{self.name}-{self.what}"


def words(what: str, value: float | None) -> str:
    """A figure of a kind in words; empty for None."""
    if value is None:
        return ""
    if not value:
        return "0" if what == ERRORS else "none"
    return text.percent(value) if what == ERRORS else text.seconds(value)


def _said(what: str, one: Figure, started: str) -> str:
    bounds = f"{words(what, one.low)} to {words(what, one.high)}"
    return text.plain(f"{started[:10]} {words(what, one.value)} [{bounds}] {one.verdict}")


def line(series: list[Figure], started: dict[str, str]) -> Line:
    """A row's line: judged from all nights, drawn from the last ones."""
    newest, what = series[-1], series[-1].what
    found = trend.judge(what, [one.value for one in series])
    last = series[-SHOWN:]
    top = max([one.high for one in last] + [found.limit or 0.0]) or 1.0
    step = (WIDTH - 2 * PAD) / max(len(last) - 1, 1)

    def y(value: float) -> float:
        return round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * min(value, top) / top, 1)

    drawn = [
        Drawn(
            round(PAD + n * step, 1), y(one.value), y(one.low), y(one.high), one.verdict,
            _said(what, one, started.get(one.run, "")),
        )
        for n, one in enumerate(last)
    ]  # fmt: skip
    return Line(
        row=newest.row, name=newest.name, what=what, found=found, newest=words(what, newest.value),
        usual=words(what, found.median), limit=words(what, found.limit), drawn=drawn,
        median_y=None if found.median is None else y(found.median),
        limit_y=None if found.limit is None else y(found.limit),
    )  # fmt: skip


def lines(nights: Nights) -> list[Line]:
    """All rows that the newest run has, what became slower first."""
    runs = nights.runs()
    started = {run.id: run.started for run in runs}
    newest = runs[-1].id if runs else ""
    found = [line(series, started) for series in nights.series().values() if series[-1].run == newest]
    return sorted(found, key=lambda one: (ORDER.index(one.found.status), one.row[:1], int(one.row[1:] or 0)
                                          if one.row[1:].isdigit() else 0, one.name, one.what))  # fmt: skip


def headline(found: list[Line], nights: int) -> str:
    """The nights in one sentence."""
    rows = {one.name for one in found if one.found.status == "slower"}
    if rows:
        earlier = min(nights - 1, trend.BEFORE)
        return f"{len(rows)} {'row is' if len(rows) == 1 else 'rows are'} slower than the last {earlier} nights"
    if not found or all(one.found.status == "new" for one in found):
        return f"{nights} of {trend.LEAST + trend.RECENT} nights: too few to judge"
    return f"No row is slower than the nights before ({nights} in all)"


def render(nights: Nights) -> str:
    """The whole page."""
    runs, found = nights.runs(), lines(nights)
    theme = (html.HERE / "assets" / "theme.js").read_text()
    statuses = [one.found.status for one in found]
    return html.environment().get_template("trend.html.j2").render(
        headline=headline(found, len(runs)), runs=runs, lines=found, looks=LOOKS, names=WORDS, trend=trend,
        counts={status: statuses.count(status) for status in ORDER if status in statuses},
        width=WIDTH, height=HEIGHT, script=theme, policy=html.policy(theme),
        style=(html.HERE / "assets" / "page.css").read_text(),
    )  # fmt: skip
