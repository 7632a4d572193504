"""What a row is at just now, as a small file beside the run's parts: for who sits before the terminal, not for reports.

A row's process writes it, the process with the terminal reads it. Without a terminal nothing is written.
"""

import contextlib
import json
import pathlib
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

from harness.clock import NS_PER_S
from harness.records import ProbeStarted, Record, RequestBatch

EVERY_S = 0.5
NOW = ".now.json"


@dataclass(frozen=True, slots=True)
class Now:
    """What a row waits for, since when (by time.time()) and for how long at most; what its measuring probe felt."""

    test: str
    row: str = ""
    what: str = ""
    since_s: float = 0.0
    at_most_s: float = 0.0
    requests: int = 0
    failed: int = 0
    outage_s: float = 0.0

    def line(self, now_s: float) -> str:
        """In a line: `2 of 3 pods Ready, 4 s of at most 60 s; 193 of 771 failed, outage 1.9 s`."""
        waits = f"{self.what}, {now_s - self.since_s:.0f} s of at most {self.at_most_s:.0f} s" if self.what else ""
        felt = f"{self.failed:,} of {self.requests:,} failed" if self.failed else ""
        outage = f"outage {self.outage_s:.1f} s so far" if self.outage_s >= 0.1 else ""
        return "; ".join(part for part in (waits, ", ".join(part for part in (felt, outage) if part)) if part)


@dataclass
class Status:
    """The file of one row. `heard` is told of each record, `tell` of each wait."""

    path: pathlib.Path
    now: Now
    _probe: str = ""
    _failing_ns: int = 0
    _written_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, parts: pathlib.Path, test: str, row: str, name: str) -> "Status":
        """The status of a row in the folder of a run's parts."""
        return cls(parts / f"{name}{NOW}", Now(test, row))

    def tell(self, what: str, at_most_s: float) -> None:
        """The row waits from now on; an empty `what` ends it."""
        with self._lock:
            self.now = replace(self.now, what=what, since_s=time.time(), at_most_s=at_most_s)
            self._write()

    def heard(self, record: Record) -> None:
        """Count what the first measuring probe felt: failures, and the longest stretch of nothing else."""
        if isinstance(record, ProbeStarted) and record.role == "measure":
            self._probe = self._probe or record.probe
        elif isinstance(record, RequestBatch) and record.probe == self._probe:
            with self._lock:
                for row in sorted(record.rows, key=lambda row: row[0]):
                    self._count(row[0], failed=row[4] == "failed")
                if time.time() - self._written_s >= EVERY_S:
                    self._write()

    def _count(self, due_ns: int, *, failed: bool) -> None:
        now = self.now
        if failed:
            self._failing_ns = self._failing_ns or due_ns
        lasted_s = (due_ns - self._failing_ns) / NS_PER_S if self._failing_ns else 0.0
        self.now = replace(
            now, requests=now.requests + 1, failed=now.failed + failed, outage_s=max(now.outage_s, lasted_s)
        )
        if not failed:
            self._failing_ns = 0

    def _write(self) -> None:
        self._written_s = time.time()
        partial = self.path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a full disk must not break a row for the sake of its display
            partial.write_text(json.dumps(asdict(self.now)))
            partial.replace(self.path)

    def end(self) -> None:
        """The row is over."""
        self.path.unlink(missing_ok=True)


def read(parts: pathlib.Path) -> Iterator[Now]:
    """What all rows of a run are at; a file that is not there any more is none."""
    for path in sorted(parts.glob(f"*{NOW}")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield Now(**json.loads(path.read_text()))
