"""`survive look`: what manifests promise wrongly, before any restart."""

import argparse
import json
import pathlib
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from harness.errors import UsageError
from harness.look import load, look_at
from harness.look.source import Source, parse
from harness.results import Finding

WORST = ("error", "warning", "info")


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "look", help="say what manifests promise wrongly, before any restart (exit code 1: an error was found)"
    )
    parser.add_argument(
        "-f", "--file", type=pathlib.Path, action="append", required=True, metavar="FILE|DIR", dest="files",
        help="manifests, or a folder of them; - reads standard input; may be given more than once",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the findings; 1 if one of them is an error."""
    found = look_at([source for file in chosen.files for source in _read(file)])
    if chosen.json:
        print(json.dumps([one.model_dump(exclude_none=True) for one in found], indent=1))
    else:
        print("\n".join([*(line for one in found for line in lines(one)), summary(found)]))
    return 1 if any(one.severity == "error" for one in found) else 0


def _read(file: pathlib.Path) -> list[Source]:
    if str(file) != "-":
        return load(file)
    if found := parse(sys.stdin.read(), "-"):
        return found
    raise UsageError("no manifest came on standard input")


def lines(finding: Finding) -> Iterator[str]:
    """One finding: where and what, why, what will show it, and the lines to paste."""
    place = ":".join(str(one) for one in (finding.file, finding.line) if one)
    yield f"{f'{place}: ' if place else ''}{finding.severity}: {finding.what} [{finding.code}]"
    yield f"  why: {finding.why}"
    yield f"  at {finding.object} {finding.path}; shown by the path {finding.shown_by} (row {finding.row})"
    if finding.paste:
        yield "  paste:"
        yield from (f"    {line}" for line in finding.paste.rstrip().splitlines())
    yield ""


def summary(found: list[Finding]) -> str:
    """How many there are of each severity."""
    counts: Counter[str] = Counter(one.severity for one in found)
    told = [f"{counts[one]} {one}{'s' if counts[one] != 1 and one != 'info' else ''}" for one in WORST if counts[one]]
    return f"{', '.join(told)}; restarts tell the rest" if told else "nothing found; restarts tell the rest"
