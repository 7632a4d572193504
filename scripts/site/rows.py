"""The rows of the suites, read from their tests, and what a recorded run of each showed."""

import ast
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness import scenario
from harness.disrupt import PATHS, Path, does
from harness.history import History
from harness.judge.expectation import Evidence
from harness.results import Expected, Result
from tests.unit import recorded

ROOT = pathlib.Path(__file__).parents[2]
KNOWN: dict[str, type[Path]] = {path.name: path for path in PATHS}


@dataclass(frozen=True, slots=True)
class Row(scenario.Row):
    """A row as its test has it. `title` is the first paragraph of the test's docstring."""

    marks: tuple[str, ...]

    @property
    def topic(self) -> str:
        """The letter of its topic."""
        return self.id[0]

    @property
    def number(self) -> int:
        """Its number in the topic."""
        return int(self.id[1:])

    @property
    def does(self) -> str:
        """What its restart path does, in a sentence."""
        return does(KNOWN[self.path])


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a row beside its test. Without a recorded run `history` is None and nothing was seen."""

    expected: list[Expected]
    result: Result | None = None
    history: History | None = None


def rows(suites: pathlib.Path = ROOT / "suites") -> list[Row]:
    """All rows, in the matrix's order; of one id those of the main job first, then in the order of their files."""
    found = [row for file in sorted(suites.glob("test_*.py")) for row in _of_file(file)]
    return sorted(found, key=lambda row: (row.topic, row.number, "core" not in row.marks))


def _of_file(file: pathlib.Path) -> Iterator[Row]:
    tree = ast.parse(file.read_text())
    for test in (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
        calls = {ast.unparse(mark.func): mark for mark in test.decorator_list if isinstance(mark, ast.Call)}
        plain = [ast.unparse(mark) for mark in test.decorator_list if not isinstance(mark, ast.Call)]
        row = calls["pytest.mark.row"]
        row_id, name, path = (str(ast.literal_eval(one)) for one in row.args)
        doc = " ".join((ast.get_docstring(test) or "").split("\n\n")[0].split())
        marks = [
            f'{ast.unparse(one.func)}("{ast.literal_eval(one.args[0])}")' for one in calls.values() if one is not row
        ]
        names = tuple(name.removeprefix("pytest.mark.") for name in (*plain, *marks))
        yield Row(row_id, name, path, doc, f"suites/{file.name}::{test.name}", names)


def shown(found: list[Row]) -> dict[str, Shown]:
    """What a recorded run of each row showed, judged anew by the row's test as it is now."""
    names = (*recorded.RECORDINGS, recorded.MATRIX)
    histories: dict[str, History] = recorded.histories(names)
    return {row.name: _shown(row, histories.get(row.name)) for row in found}


def _shown(row: Row, history: History | None) -> Shown:
    values: dict[str, Any] = {"id": row.id, "name": row.name, "path": row.path, "test": row.test}
    played = recorded.replay(Result(**values, verdict="skip", why=""))
    if history is None:
        nothing = Evidence(History(row.name, []))
        return Shown([one(nothing) for one in played.expectations])
    result = played.judge(history)
    return Shown(result.expected, result, history)
