"""Runs on a real cluster, recorded: their histories and results, for what is to be proved on real evidence.

`PYTHONPATH=. python tests/unit/recorded.py reports/out/RUN NAME` takes a run as the recording NAME: the rows that
passed, but for those that another recording has.
"""

import contextlib
import importlib.util
import pathlib
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any

from harness import history
from harness.deploy import App, OwnNode
from harness.disrupt import Path
from harness.history import History, Recorder
from harness.judge import verdict
from harness.judge.expectation import Expectation
from harness.proof import Proof
from harness.records import ProbeEnded, ProbeStarted, Record, RequestBatch
from harness.results import Result, Results

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
RECORDINGS = ("run", "leaders")
MATRIX = "matrix"
"""A recording of the rows that are in none of the others."""
KEPT = {"control": 10, "load": 40}
"""Of the probers with these roles one request in so many is kept, to keep the file small."""


class Replay:
    """Stands in for `survive` in a test of the suites: notes its paths and expectations, touches no cluster."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.expectations: tuple[Expectation, ...] = ()
        self.lease = ""
        self.loaded = False
        self.apps: list[App] = []

    def add_node(self, *, small_disk: bool = False) -> OwnNode:
        return OwnNode("recorded", "recorded")

    def deploy(self, app: Any, *, ready: bool = True) -> Any:
        self.apps.append(app)
        return app

    @contextlib.contextmanager
    def load(self, app: Any = None, **_: float) -> Iterator[None]:
        self.loaded = True
        yield

    @contextlib.contextmanager
    def canary(self, errand: Any) -> Iterator[None]:
        self.lease = errand.lease
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
        needed = verdict.needs_control(self.expectations, loaded=self.loaded)
        return verdict.judge(
            seen, self.proof(seen), self.expectations, needs_control=needed, lease=self.lease, probe="service",
            restarts=len(self.paths),
        )  # fmt: skip


def history_file(recording: str) -> pathlib.Path:
    return DATA / f"{recording}.jsonl.gz"


def results_file(recording: str) -> pathlib.Path:
    return DATA / f"{recording}-results.json"


def results(recordings: Sequence[str] = RECORDINGS) -> dict[str, Result]:
    return {one.name: one for name in recordings for one in Results.read(results_file(name)).results}


def histories(recordings: Sequence[str] = RECORDINGS) -> dict[str, History]:
    return {row: seen for name in recordings for row, seen in history.read(history_file(name)).items()}


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


def folder(where: pathlib.Path, recording: str = "run") -> pathlib.Path:
    """A run's folder as it was."""
    where.mkdir(exist_ok=True)
    shutil.copy(history_file(recording), where / "history.jsonl.gz")
    shutil.copy(results_file(recording), where / "results.json")
    return where


def whole(where: pathlib.Path) -> pathlib.Path:
    """A run's folder as if all recordings were one run of the whole matrix."""
    where.mkdir(exist_ok=True)
    names = (*RECORDINGS, MATRIX)
    parts = [Results.read(results_file(name)) for name in names]
    rows = sorted((row for part in parts for row in part.results), key=lambda row: (row.id[0], int(row.id[1:])))
    parts[-1].model_copy(update={"results": rows}).write(where / "results.json")
    (where / "history.jsonl.gz").write_bytes(b"".join(history_file(name).read_bytes() for name in names))
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


def take(run: pathlib.Path, recording: str) -> None:
    DATA.mkdir(exist_ok=True)
    others = [
        Results.read(results_file(name)) for name in RECORDINGS if name != recording and results_file(name).exists()
    ]
    known = {result.name for found in others for result in found.results}
    found = Results.read(run / "results.json")
    kept = [result for result in found.results if result.name not in known and result.verdict == "pass"]
    names = {result.name for result in kept}
    found.model_copy(update={"results": kept}).write(results_file(recording))
    file = history_file(recording)
    file.unlink(missing_ok=True)
    for name, seen in history.read(run / "history.jsonl.gz").items():
        if name in names:
            recorder = Recorder(file, name)
            for record in thinned(seen.records):
                recorder.add(record)
            recorder.close()


if __name__ == "__main__":
    take(pathlib.Path(sys.argv[1]), sys.argv[2])
