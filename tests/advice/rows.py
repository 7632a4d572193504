"""The rows of the suites as they are: each test by its row's name, what marks it, and what it does and expects."""

import importlib
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.recorded import Replay

SUITES = pathlib.Path(__file__).parents[2] / "suites"


@dataclass(frozen=True)
class SuiteRow:
    """A row of the matrix by its test. `alone` is what no two rows may do at once, if it is marked so."""

    id: str
    name: str
    path: str
    test: Callable[[Any], None]
    alone: str

    def played(self) -> Replay:
        """What it deploys, restarts and expects, without a cluster."""
        replay = Replay()
        self.test(replay)
        return replay


def rows() -> dict[str, SuiteRow]:
    """All rows of the suites by their names."""
    found = [row for file in sorted(SUITES.glob("test_*.py")) for row in _of_file(file.stem)]
    assert len({row.name for row in found}) == len(found)
    return {row.name: row for row in found}


def _of_file(name: str) -> list[SuiteRow]:
    module = importlib.import_module(f"suites.{name}")
    marked: pytest.MarkDecorator | list[pytest.MarkDecorator] = getattr(module, "pytestmark", [])
    of_all = [one.mark for one in (marked if isinstance(marked, list) else [marked])]
    found = []
    for test in vars(module).values():
        marks = {one.name: one for one in [*of_all, *getattr(test, "pytestmark", [])]} if callable(test) else {}
        if "row" in marks and test.__module__ == module.__name__:
            alone = marks["alone"].args[0] if "alone" in marks else ""
            found.append(SuiteRow(*marks["row"].args, test, alone))
    return found
