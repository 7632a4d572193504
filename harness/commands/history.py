"""`survive history`: runs kept over the nights, and whether a row has become slower."""

import argparse
import pathlib
from collections.abc import Iterable
from typing import Any

from harness.errors import UsageError
from harness.results import Results
from reports import trendpage
from reports.nights import WORDS, Nights

SLOWER = 3
"""The exit code where a row is slower than the nights before: no failure (1) and no misuse (2)."""


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "history",
        help=f"keep runs in a file and tell what became slower over the nights (exit code {SLOWER}: some row)",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("add", _add, "keep runs, then judge the newest as `show` does"),
        ("list", _list, "say which runs are kept"),
        ("show", _show, "write the trend page and say which rows are slower"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("file", type=pathlib.Path, metavar="FILE", help="the SQLite file; `add` makes it")
        action.set_defaults(run=run)
        if name == "add":
            action.add_argument("folders", type=pathlib.Path, nargs="+", metavar="RUN", help="a run's folder")
        if name != "list":
            action.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write the trend page there")


def keep(file: pathlib.Path, folders: Iterable[pathlib.Path], html: pathlib.Path | None = None) -> int:
    """Keep runs, then say which rows of the newest are slower; the exit code. Raises UsageError for no run's folder."""
    nights = Nights(file)
    for folder in folders:
        try:
            results = Results.read(folder / "results.json")
        except (OSError, ValueError) as exc:
            raise UsageError(f"{folder} is no run's folder: {exc}") from exc
        print(f"{'added' if nights.add(results) else 'replaced'} {results.run.id}")
    return _tell(nights, html)


def _add(chosen: argparse.Namespace) -> int:
    return keep(chosen.file, chosen.folders, chosen.html)


def _list(chosen: argparse.Namespace) -> int:
    for run in Nights(chosen.file).runs():
        print(f"{run.started}  {run.id}  Kubernetes {run.version} on {run.provider}, {run.duration_s:.0f} s")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    return _tell(Nights(chosen.file), chosen.html)


def _tell(nights: Nights, html: pathlib.Path | None) -> int:
    found = trendpage.lines(nights)
    told = [one for one in found if one.found.status in ("slower", "watch")]
    for one in told:
        usual = f"usually {one.usual}"
        print(
            f"{one.found.status.upper()} {one.row} {one.name}: {WORDS[one.what]} {one.newest}, {usual}; {one.found.why}"
        )
    print(trendpage.headline(found, len(nights.runs())))
    if html is not None:
        html.write_text(trendpage.render(nights), encoding="utf-8")
        print(f"trend: {html}")
    return SLOWER if any(one.found.status == "slower" for one in told) else 0
