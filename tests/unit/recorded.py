"""A run on a real cluster, recorded: its history and its results, for what is to be proved on real evidence.

`PYTHONPATH=. python tests/unit/recorded.py reports/out/RUN` takes another run's; all its rows should have passed.
"""

import contextlib
import importlib.util
import pathlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

from harness import history
from harness.disrupt import Path
from harness.history import History, Recorder
from harness.judge import verdict
from harness.judge.expectation import Expectation
from harness.proof import Proof
from harness.records import ProbeEnded, ProbeStarted, Record, RequestBatch
from harness.results import Result, Results

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
HISTORY, RESULTS = DATA / "run.jsonl.gz", DATA / "run-results.json"
KEPT = {"control": 10, "load": 40}
"""Of the probers with these roles one request in so many is kept, to keep the file small."""


class Replay:
    """Stands in for `survive` in a test of the suites: notes its paths and expectations, touches no cluster."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.expectations: tuple[Expectation, ...] = ()
        self.lease = ""

    def deploy(self, app: Any) -> Any:
        return app

    @contextlib.contextmanager
    def load(self, app: Any = None) -> Iterator[None]:
        yield

    def wait_leader(self, lease: str) -> None:
        self.lease = lease

    def restart(self, path: Path) -> None:
        self.paths.append(path)

    def expect(self, *expectations: Expectation) -> None:
        self.expectations = expectations

    def proof(self, seen: History) -> Proof:
        return sum((path.proof(seen) for path in self.paths), Proof())

    def judge(self, seen: History) -> Result:
        """The verdict on a history, as the suite's own test would give it."""
        return verdict.judge(seen, self.proof(seen), self.expectations, lease=self.lease, probe="service")


def results() -> dict[str, Result]:
    return {result.name: result for result in Results.read(RESULTS).results}


def histories() -> dict[str, History]:
    return history.read(HISTORY)


def replay(result: Result) -> Replay:
    """The test that gave a result, played again without a cluster."""
    file, name = result.test.split("::")
    spec = importlib.util.spec_from_file_location(pathlib.Path(file).stem, ROOT / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test = getattr(module, name)
    assert isinstance(test, FunctionType)
    played = Replay()
    test(played)
    return played


def folder(where: pathlib.Path) -> pathlib.Path:
    """The run's folder as it was."""
    where.mkdir(exist_ok=True)
    shutil.copy(HISTORY, where / "history.jsonl.gz")
    shutil.copy(RESULTS, where / "results.json")
    return where


def thinned(records: Iterable[Record]) -> Iterator[Record]:
    """The records with fewer rows of the probers in KEPT, whose last words tell of as many."""
    every: dict[str, int] = {}
    left: dict[str, int] = {}
    for record in records:
        if isinstance(record, ProbeStarted):
            every[record.probe] = KEPT.get(record.role, 1)
        if isinstance(record, RequestBatch):
            rows = record.rows[:: every[record.probe]]
            left[record.probe] = left.get(record.probe, 0) + len(rows)
            yield RequestBatch(record.t_ns, record.probe, record.seq, rows)
        elif isinstance(record, ProbeEnded):
            yield ProbeEnded(record.t_ns, record.probe, left.get(record.probe, 0), record.batches)
        else:
            yield record


def take(run: pathlib.Path) -> None:
    HISTORY.parent.mkdir(exist_ok=True)
    HISTORY.unlink(missing_ok=True)
    for name, seen in history.read(run / "history.jsonl.gz").items():
        recorder = Recorder(HISTORY, name)
        for record in thinned(seen.records):
            recorder.add(record)
        recorder.close()
    shutil.copy(run / "results.json", RESULTS)


if __name__ == "__main__":
    take(pathlib.Path(sys.argv[1]))
