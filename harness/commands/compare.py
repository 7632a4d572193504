"""`survive compare`: a run before and one after, row by row."""

import argparse
import pathlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from harness.compare import Change, compare, worsened
from harness.errors import UsageError
from harness.results import Results


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "compare",
        help="two runs, before and after, row by row (exit code 1: a row is worse, as far as the bounds tell)",
    )
    parser.add_argument("before", type=pathlib.Path, help="a run's folder, such as reports/out/20260101-120000-1")
    parser.add_argument("after", type=pathlib.Path, help="another one, such as reports/out/latest")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the rows; 1 if one of them is worse."""
    changes = compare(_results(chosen.before).results, _results(chosen.after).results)
    print("\n".join([*(line for one in changes for line in lines(one)), summary(changes)]))
    return 1 if worsened(changes) else 0


def _results(folder: pathlib.Path) -> Results:
    file = folder / "results.json" if folder.is_dir() else folder
    try:
        return Results.read(file)
    except (OSError, ValidationError) as exc:
        raise UsageError(f"{folder} is no run's folder: {exc}") from exc


def lines(change: Change) -> Iterator[str]:
    """One row: how it changed, then each figure before and after."""
    before, after = (one or "-" for one in change.verdicts)
    yield f"{change.word.upper():<14} {change.id} {change.name}: {before} → {after}"
    for one in change.figures:
        yield f"{'':<14}   {one.what}: {one.words[0]} → {one.words[1]} ({one.word})"


def summary(changes: list[Change]) -> str:
    """How many rows changed in which way."""
    counts = Counter(one.word for one in changes)
    return ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "no rows"
