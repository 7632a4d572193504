"""The verdicts and the histories as one page that needs no network.

The page's scripts are its own and plotly.js, which is stored once, compressed, and unpacked by the browser. Its
Content-Security-Policy names these by their hash, so that nothing else in the page can run, and allows no fetch.
"""

import base64
import dataclasses
import gzip
import hashlib
import itertools
import json
import pathlib
import re
from collections.abc import Callable, MutableMapping
from typing import Any

import jinja2
import plotly.offline

from harness.history import History
from harness.results import Expected, Result, Results
from reports import budget, pods, text, topics
from reports.facts import probe_facts
from reports.figure import Figure
from reports.timeline import figure

HERE = pathlib.Path(__file__).parent
MOST_POINTS = 90_000
MOST_POINTS_A_ROW = 3_000
MOST_LINES = 4_000
MOST_LINES_A_ROW = 150
"""Good requests and lines of story (and of output) in the whole page and in one row: they keep it under 5 MB."""

FEW_ROWS = 12
"""Up to so many rows are all open at first."""

MARKS = {"pass": "✓", "fail": "✕", "inconclusive": "?", "skip": "\N{EN DASH}", "error": "!"}


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One row of the page: its verdict, its address in the page and its figure."""

    result: Result
    anchor: str
    figure: Figure | None

    @property
    def data(self) -> str:
        """The figure as compressed JSON, as the page keeps it until the row is looked at."""
        return packed(json.dumps(self.figure.as_data(), separators=(",", ":"))) if self.figure else ""

    @property
    def elsewhere(self) -> list[tuple[str, str, Expected]]:
        """Figures that others tell, beside what Kubernetes does today: who, figure, expectation."""
        return [(who, said, item) for item in self.result.expected for who, said in text.elsewhere(item.reason)]

    @property
    def label(self) -> str:
        """The figure in one sentence, for those who cannot see it."""
        if self.figure is None:
            return ""
        lanes = ", ".join(lane.title for lane in self.figure.lanes)
        outages = [gap.text for gap in self.figure.gaps]
        felt = f"Outages: {'; '.join(outages[:5])}. " if outages else "No outage. "
        return f"Timeline of {self.result.name}. {felt}Lanes: {lanes}. The same facts are listed under Story."


def anchors(results: list[Result]) -> list[str]:
    """An address in the page for each row: its name, made fit for a link and unique."""
    taken: dict[str, None] = {}
    for result in results:
        base = re.sub(r"[^A-Za-z0-9_.]+", "-", result.name).strip("-") or "row"
        names = itertools.chain([base], (f"{base}-{n}" for n in itertools.count(2)))
        taken[next(name for name in names if name not in taken)] = None
    return list(taken)


def packed(content: str) -> str:
    """A script or data compressed by gzip, in base64: nothing of it can end the element that it stands in."""
    return base64.b64encode(gzip.compress(content.encode(), 9, mtime=0)).decode()


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def policy(*scripts: str) -> str:
    """The page's Content-Security-Policy: these scripts, inline styles, pictures made in the page, and nothing else."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _worst_noise(results: list[Result]) -> dict[str, Any]:
    """The machine as the noisiest row felt it, and the rows whose noise was too much."""
    felt = [result.noise for result in results if result.noise is not None]
    return {
        "known": bool(felt),
        "loud": [result.name for result in results if result.noise is not None and result.noise.quiet is False],
        "lag_p99_ms": max((n.lag_p99_ms for n in felt if n.lag_p99_ms is not None), default=None),
        "limit_ms": min((n.limit_ms for n in felt if n.limit_ms is not None), default=None),
        "cpu_pressure": max((n.cpu_pressure for n in felt if n.cpu_pressure is not None), default=None),
        "control_errors": sum(n.control_errors for n in felt),
        "control_requests": sum(n.control_requests for n in felt),
    }


def _worst(sections: list[Section], size: Callable[[Result], float | None]) -> Section | None:
    sized = [(value, section) for section in sections if (value := size(section.result)) is not None]
    return max(sized, key=lambda pair: pair[0])[1] if sized else None


def _longest_s(result: Result) -> float | None:
    worst = text.longest(result.traffic)
    return worst.estimate_s if worst else None


def _failover_s(result: Result) -> float | None:
    return result.failover.estimate_s if result.failover else None


def sections(results: Results, histories: MutableMapping[str, History]) -> list[Section]:
    """Every row with its figure. Each history is let go once it is drawn, to keep memory for one at a time."""
    drawn = sum(result.name in histories for result in results.results) or 1
    points = min(MOST_POINTS_A_ROW, MOST_POINTS // drawn)
    lines = min(MOST_LINES_A_ROW, MOST_LINES // drawn)
    found = []
    for result, anchor in zip(results.results, anchors(results.results), strict=True):
        history = histories.pop(result.name, None)
        drawing = figure(history, result, points, lines) if history and history.records else None
        found.append(Section(result, anchor, drawing))
    return found


def environment() -> jinja2.Environment:
    """Templates that escape all that they are given."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=lambda v: text.plain(v) if type(v) is str else v,
    )  # fmt: skip
    env.filters |= {"bracket": text.bracket, "percent": text.percent, "duration": text.duration}
    env.globals |= {
        "text": text,
        "marks": MARKS,
        "topics": topics,
        "budget": budget,
        "few_rows": FEW_ROWS,
        "state_words": pods.WORDS,
        "probe_facts": probe_facts,
    }
    return env


def render(results: Results, histories: MutableMapping[str, History]) -> str:
    """The whole page. `histories` is by the rows' names, may lack any, and is emptied."""
    library = plotly.offline.get_plotlyjs()
    scripts = [(HERE / "assets" / name).read_text() for name in ("theme.js", "page.js", "timeline.js", "draw.js")]
    rows = sections(results, histories)
    return environment().get_template("page.html.j2").render(
        run=results.run,
        rows=rows,
        counts=text.counts(results.results),
        summed=topics.summed(results.results),
        paths=sorted({row.result.path for row in rows}),
        elsewhere=[(row, *said) for row in rows for said in row.elsewhere],
        headline=text.headline(results.results),
        worst_outage=_worst(rows, _longest_s),
        worst_failover=_worst(rows, _failover_s),
        urgent=sorted(
            (row for row in rows if row.result.verdict not in ("pass", "skip")),
            key=lambda row: text.VERDICTS.index(row.result.verdict),
        ),
        noise=_worst_noise(results.results),
        policy=policy(library, *scripts),
        style=(HERE / "assets" / "page.css").read_text(),
        scripts=scripts,
        library=packed(library),
    )  # fmt: skip
