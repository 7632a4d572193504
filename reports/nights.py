"""The figures of many runs, kept over the nights in one SQLite file."""

import contextlib
import pathlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import UsageError
from harness.results import Result, Results
from reports import text

SCHEMA = 1
TABLES = """
create table if not exists runs (
  id text primary key, started text not null, provider text not null, version text not null, duration_s real not null
);
create table if not exists figures (
  run text not null references runs (id) on delete cascade, name text not null, row text not null,
  verdict text not null, what text not null,
  low real not null, value real not null, high real not null, primary key (run, name, what)
);
"""

OUTAGE, ERRORS, FAILOVER = "outage_s", "error_share", "failover_s"
WORDS = {OUTAGE: "longest outage", ERRORS: "failed", FAILOVER: "failover"}


@dataclass(frozen=True, slots=True)
class Night:
    """One run."""

    id: str
    started: str
    provider: str
    version: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one row in one run, with its bounds."""

    run: str
    row: str
    name: str
    verdict: str
    what: str
    low: float
    value: float
    high: float


def figures(run: str, result: Result) -> Iterator[Figure]:
    """What is kept of a row; of one that was not proved, was too noisy or did not run, nothing: its figures lie."""
    if result.verdict not in ("pass", "fail"):
        return
    of = (run, result.id, result.name, result.verdict)
    if (traffic := result.traffic) is not None:
        worst = text.longest(traffic)
        span = (worst.low_s, worst.estimate_s, worst.high_s) if worst else (0.0, 0.0, traffic.certain_s or 0.0)
        yield Figure(*of, OUTAGE, *span)
        yield Figure(*of, ERRORS, traffic.error_rate, traffic.error_rate, traffic.error_rate_below)
    if (failover := result.failover) is not None:
        yield Figure(*of, FAILOVER, failover.low_s, failover.estimate_s, failover.high_s)


class Nights:
    """The file. Several processes may use it; each addition is whole or is not there."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def _open(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        if not make and not self.path.exists():
            raise UsageError(f"{self.path} is not there: survive history {self.path} add RUN makes it")
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as opened, opened:
                opened.execute("pragma foreign_keys = on")
                version = opened.execute("pragma user_version").fetchone()[0]
                if version not in (0, SCHEMA):
                    raise UsageError(f"{self.path} was written by another version (schema {version}, not {SCHEMA})")
                opened.executescript(f"{TABLES} pragma user_version = {SCHEMA};")
                yield opened
        except sqlite3.Error as exc:
            raise UsageError(f"{self.path} is no history of runs, or cannot be written: {exc}") from exc

    def add(self, results: Results) -> bool:
        """Keep a run's figures; False if it was there already, and was put in anew."""
        run = results.run
        with self._open(make=True) as opened:
            known = opened.execute("delete from runs where id = ?", (run.id,)).rowcount > 0
            opened.execute(
                "insert into runs values (?, ?, ?, ?, ?)",
                (run.id, run.started, run.cluster.provider, run.cluster.version, run.duration_s),
            )
            found = [one for result in results.results for one in figures(run.id, result)]
            opened.executemany(
                "insert into figures values (?, ?, ?, ?, ?, ?, ?, ?)",
                [(f.run, f.name, f.row, f.verdict, f.what, f.low, f.value, f.high) for f in found],
            )
        return not known

    def runs(self) -> list[Night]:
        """All runs, the oldest first."""
        with self._open() as opened:
            rows = opened.execute("select * from runs order by started, id").fetchall()
        return [Night(*row) for row in rows]

    def series(self) -> dict[tuple[str, str], list[Figure]]:
        """Each row's figures by its name and what they are of, the oldest first."""
        found: dict[tuple[str, str], list[Figure]] = {}
        with self._open() as opened:
            rows = opened.execute(
                "select run, row, name, verdict, what, low, value, high from figures join runs on runs.id = run"
                " order by started, runs.id"
            ).fetchall()
        for row in rows:
            one = Figure(*row)
            found.setdefault((one.name, one.what), []).append(one)
        return found
