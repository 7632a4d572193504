"""A run's folder: parts while it runs, one history and one results.json when it ends.

Every scenario writes a history and a result of its own, so that several processes can share a run and a run that is
killed loses nothing that was written.
"""

import contextlib
import datetime
import fcntl
import gzip
import os
import pathlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness import results, status
from harness.errors import UsageError
from harness.history import Recorder, lines
from harness.locks import hold
from harness.records import Record
from harness.status import Now, Status

RESULT = ".result.json"
HISTORY = ".jsonl.gz"

LATEST = "latest"
"""The link beside the runs' folders to that of the newest which came to its end."""

NAME = re.compile(r"\d{8}-\d{6}-\d+")
"""What a run's folder is called: when it began, and by which process."""

NOISY = "noisy"
"""Where the histories are that were too noisy to be judged, of scenarios that were then measured again."""

TURN_S = 1800.0
"""All rows that want the same thing may be before one."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    root: pathlib.Path

    @classmethod
    def named(cls, out: pathlib.Path) -> "RunFolder":
        """A name below `out` that no other run has, by the time and the process; nothing is made yet."""
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
        return cls(out / f"{stamp}-{os.getpid()}")

    def open(self, cluster: results.Cluster) -> None:
        """Make the folder and note which cluster the run is on; every process of the run may do so."""
        self._parts.mkdir(parents=True, exist_ok=True)
        self._cluster.write_text(cluster.model_dump_json())

    @property
    def opened(self) -> bool:
        """Whether any process of the run has opened it."""
        return self._cluster.exists()

    @property
    def id(self) -> str:
        """The run's name."""
        return self.root.name

    @property
    def history(self) -> pathlib.Path:
        """All scenarios' records."""
        return self.root / "history.jsonl.gz"

    @property
    def results_json(self) -> pathlib.Path:
        """All verdicts."""
        return self.root / "results.json"

    @property
    def _cluster(self) -> pathlib.Path:
        return self._parts / "cluster.json"

    @property
    def _parts(self) -> pathlib.Path:
        return self.root / "parts"

    def turn(self, what: str, row: str) -> contextlib.AbstractContextManager[None]:
        """Wait until no other row of the run has its turn at a thing, and keep it from them meanwhile."""
        return hold(self._parts / f"{what}.lock", f"row {row}", wait_s=TURN_S)

    @contextlib.contextmanager
    def place(self, *, sole: bool) -> Iterator[None]:
        """A row's place beside others; a sole one has none beside it: it waits for all others, and they for it."""
        how = fcntl.LOCK_EX if sole else fcntl.LOCK_SH
        with (self._parts / "gate.lock").open("a") as gate, (self._parts / "rows.lock").open("a") as rows:
            # Whoever waits to be the only one stands in the gate, so that no new row comes in before.
            fcntl.flock(gate, how)
            fcntl.flock(rows, how)
            if not sole:
                fcntl.flock(gate, fcntl.LOCK_UN)
            yield

    def status(self, test: str, row: str, name: str) -> Status:
        """What a row is at, for a terminal."""
        return Status.of(self._parts, test, row, name)

    def now(self) -> list[Now]:
        """What all rows that run are at."""
        return list(status.read(self._parts))

    def recorder(self, scenario: str, heard: Callable[[Record], None] | None = None) -> Recorder:
        """The recorder of one scenario; `heard` is told of each record as it comes.

        Raises UsageError if the run has one of that name already.
        """
        path = self._parts / f"{scenario}{HISTORY}"
        if path.exists():
            raise UsageError(f"two tests are called {scenario!r}: a row's name must be unique in a run")
        return Recorder(path, scenario, heard)

    def set_aside(self, scenario: str) -> results.Result | None:
        """Make room for a scenario to be measured again: its result so far, if any; its history stays, in `noisy`."""
        known = self._parts / f"{scenario}{RESULT}"
        if not known.exists():
            return None
        (self.root / NOISY).mkdir(exist_ok=True)
        (self._parts / f"{scenario}{HISTORY}").rename(self.root / NOISY / f"{scenario}{HISTORY}")
        result = results.Result.model_validate_json(known.read_text())
        known.unlink()
        return result

    def file(self, result: results.Result) -> None:
        """Keep one scenario's result."""
        path = self._parts / f"{result.name}{RESULT}"
        path.write_text(result.model_dump_json(exclude_none=True))

    def collect(
        self, started_s: float, calibration: results.Calibrated | None = None, use: results.Use | None = None
    ) -> results.Results:
        """Join the parts: history.jsonl.gz and results.json, by row; `latest` points here from then on.

        `started_s` is the run's start by time.time(), `calibration` the machine's last one, `use`
        how the user's app is used.
        """
        found = [results.Result.model_validate_json(p.read_text()) for p in sorted(self._parts.glob(f"*{RESULT}"))]
        found.sort(key=lambda result: (_row_key(result.id), result.started_ns))
        # Line by line: the part of a killed scenario has no end, and what follows such a member cannot be read.
        with gzip.open(self.history, "wt", compresslevel=6, encoding="utf-8") as whole:
            for part in sorted(self._parts.glob(f"*{HISTORY}")):
                whole.writelines(f"{line}\n" for line in lines(part))
        cluster = results.Cluster.model_validate_json(self._cluster.read_text())
        started = datetime.datetime.fromtimestamp(started_s, datetime.UTC).isoformat(timespec="seconds")
        run = results.Run(
            id=self.id,
            started=started,
            duration_s=round(time.time() - started_s, 3),
            cluster=cluster,
            noise=_noise(found),
            failed=sum(result.traffic.errors for result in found if result.traffic),
            without_cause=sum(result.traffic.without_cause for result in found if result.traffic),
            use=use,
            calibration=calibration,
        )
        joined = results.Results(schema_=results.SCHEMA, run=run, results=found)
        joined.write(self.results_json)
        shutil.rmtree(self._parts)
        _point(self.root.parent / LATEST, self.root)
        return joined


def runs(out: pathlib.Path) -> list[pathlib.Path]:
    """The folders of all runs below `out`, the oldest first."""
    return sorted(one for one in out.iterdir() if NAME.fullmatch(one.name) and one.is_dir())


def _row_key(row: str) -> tuple[str, int]:
    """A1 before A2 before A10 before B1."""
    letters = row.rstrip("0123456789")
    return letters, int(row[len(letters) :] or 0)


def _noise(found: Sequence[results.Result]) -> dict[str, float]:
    lags = [r.noise.lag_p99_ms for r in found if r.noise and r.noise.lag_p99_ms is not None]
    pressures = [r.noise.cpu_pressure for r in found if r.noise and r.noise.cpu_pressure is not None]
    noise = {"lag_p99_ms": max(lags, default=None), "cpu_pressure": max(pressures, default=None)}
    return {key: value for key, value in noise.items() if value is not None}


def _point(link: pathlib.Path, target: pathlib.Path) -> None:
    partial = link.with_name(f".latest-{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target.name)
    partial.replace(link)
