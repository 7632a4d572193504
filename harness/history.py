"""A history: records appended while a scenario runs, read back to judge it and to report it.

On disk it is JSON lines in gzip, one record a line with its `kind` and its scenario's name. Writers append and flush,
so that a run killed at any moment leaves all but its last instant readable; several files may be joined byte by byte.
"""

import contextlib
import dataclasses
import gc
import gzip
import itertools
import json
import pathlib
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pydantic_core

from harness.clocks import Clocks, corrected
from harness.errors import HistoryError
from harness.records import KINDS, Condition, ContainerSeen, EndpointSeen, Record, RequestBatch, Steady
from harness.requests import Requests

R = TypeVar("R", bound=Record)
_NESTED: dict[str, type[Any]] = {"conditions": Condition, "containers": ContainerSeen, "endpoints": EndpointSeen}


def encode(record: Record, scenario: str) -> str:
    """One line of a history, without its newline."""
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    for name in _NESTED.keys() & values.keys():
        values[name] = [dataclasses.asdict(item) for item in values[name]]
    return json.dumps({"kind": record.kind, "scenario": scenario, **values}, separators=(",", ":"))


def decode(line: str) -> tuple[str, Record]:
    """A line's scenario and record. Raises HistoryError on a line that no version of `encode` wrote."""
    try:
        values = pydantic_core.from_json(
            line, cache_strings="all"
        )  # twice as quick as json, and of a pod's name one copy
        scenario = values.pop("scenario")
        cls = KINDS[values.pop("kind")]
        for name, nested in _NESTED.items():
            if name in values:
                values[name] = [nested(**item) for item in values[name]]
        return scenario, cls(**values)
    except (ValueError, KeyError, TypeError) as exc:
        raise HistoryError(f"not a line of a history: {line[:120]!r} ({exc})") from exc


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: rows make none, and it would walk through all of them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Recorder:
    """Appends one scenario's records to a file and keeps them for the judge. Threads may share it."""

    def __init__(self, path: pathlib.Path, scenario: str, heard: Callable[[Record], None] | None = None) -> None:
        """`heard` is told of each record as it comes."""
        self.scenario = scenario
        self._heard = heard
        self._records: list[Record] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._zip = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._closed = False

    def add(self, record: Record) -> None:
        """Append; on disk by the next `flush`. After `close` it raises HistoryError."""
        with self._lock:
            if self._closed:
                raise HistoryError(f"the history of {self.scenario} is closed")
            self._records.append(record)
            self._file.write(self._zip.compress(encode(record, self.scenario).encode() + b"\n"))
            if self._heard is not None:
                self._heard(record)

    def flush(self) -> None:
        """Bring all that was added to the file, so that a kill loses nothing of it."""
        with self._lock:
            if not self._closed:
                self._file.write(self._zip.flush(zlib.Z_SYNC_FLUSH))
                self._file.flush()

    def close(self) -> None:
        """Write the end of the file; may be called twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._file.write(self._zip.flush(zlib.Z_FINISH))
                self._file.close()

    def tail(self, kind: type[R], count: int = 100) -> list[R]:
        """The last `count` records of one kind, in the order in which they came."""
        with self._lock:
            newest = (record for record in reversed(self._records) if isinstance(record, kind))
            return list(itertools.islice(newest, count))[::-1]

    def history(self) -> "History":
        """What was recorded so far, as the judge reads it."""
        with self._lock:
            return History(self.scenario, list(self._records))


class History:
    """One scenario's records, in order of their moments, all of them on the harness's clock (see `clocks`)."""

    def __init__(self, scenario: str, records: Iterable[Record]) -> None:
        self.scenario = scenario
        self.records = sorted(corrected(list(records)), key=lambda record: record.t_ns)
        self._requests: dict[tuple[str, int], Requests] = {}

    @property
    def clocks(self) -> Clocks:
        """The errors of the pods' clocks that are left."""
        return Clocks(self.records)

    def of(self, kind: type[R]) -> list[R]:
        """All records of one kind, oldest first."""
        return [record for record in self.records if isinstance(record, kind)]

    def requests(self, probe: str, warm_up: bool = False) -> Requests:
        """The rows of one prober by scheduled time; those of its warm-up (see `records.Steady`) only if asked for."""
        since_ns = 0 if warm_up else max((record.t_ns for record in self.of(Steady)), default=0)
        key = probe, since_ns
        if key not in self._requests:  # a million rows take seconds, and several judges ask for the same
            batches = [record for record in self.of(RequestBatch) if record.probe == probe]
            with _uncollected():
                self._requests[key] = Requests.from_batches(probe, batches, since_ns)
        return self._requests[key]


def lines(path: pathlib.Path) -> Iterator[str]:
    """The whole lines of a history file; one cut short by a kill ends where it was cut."""
    pending = b""
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unzipped:
            while chunk := unzipped.read1(1 << 20):
                *whole, pending = (pending + chunk).split(b"\n")
                for line in whole:
                    yield line.decode()
    except EOFError:
        return
    except (OSError, zlib.error) as exc:
        raise HistoryError(f"cannot read the history {path}: {exc}") from exc


def read(path: pathlib.Path) -> dict[str, History]:
    """All scenarios of a history file, by name, in order of appearance."""
    found: dict[str, list[Record]] = {}
    with _uncollected():
        for line in lines(path):
            scenario, record = decode(line)
            found.setdefault(scenario, []).append(record)
    return {name: History(name, records) for name, records in found.items()}
