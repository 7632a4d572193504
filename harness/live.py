"""A live table at the foot of a terminal: which rows run and for how long, how many are done, how long it may take."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console, Group
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.run import RunFolder
from harness.summary import COLOURS


@dataclass
class Tally:
    """What is known of a run's rows; moments are seconds of one clock."""

    began_s: float
    running: dict[str, float] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    def started(self, row: str, now_s: float) -> None:
        """A row begins."""
        self.running[row] = now_s

    def ended(self, row: str, verdict: str) -> None:
        """A row has its verdict."""
        self.running.pop(row, None)
        self.done[verdict] += 1

    def line(self, total: int, now_s: float) -> str:
        """How far the run is: `12 of 110 rows in 84 s: 11 pass, 1 fail; about 7 min left`."""
        done, took_s = sum(self.done.values()), now_s - self.began_s
        counts = ", ".join(f"{self.done[verdict]} {verdict}" for verdict in COLOURS if self.done[verdict])
        left = f"; about {_span(took_s / done * (total - done))} left" if 0 < done < total else ""
        return f"{done} of {total} rows in {_span(took_s)}{': ' if counts else ''}{counts}{left}"

    def table(self, now_s: float, said: Mapping[str, tuple[str, str]] | None = None) -> Table:
        """The rows that run, the oldest first; `said` has a row's id and name, and what it is at."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for row, began_s in self.running.items():
            name, at = (said or {}).get(row, ("", ""))
            table.add_row("  …", Text(name or row), Text(_span(now_s - began_s), style="dim"), Text(at, style="dim"))
        return table


class WholeLines(FileProxy):
    """Writes above the table, whole lines only: pytest writes dots one by one, and their colours apart from them."""

    _open = False

    def write(self, text: str) -> int:
        """Write the lines that have their end."""
        self._open = not text.endswith("\n") if text else self._open
        return super().write(text)

    def flush(self) -> None:
        """Wait for the end of the line."""

    def finish(self) -> None:
        """Write what has no end yet; it is a line now."""
        if self._open:
            self.write("\n")


class LiveRows:
    """A plugin for the process that writes to the terminal. It draws nothing before the run's first row begins."""

    def __init__(self, session: pytest.Session, writer: Any, folder: RunFolder) -> None:
        self._session = session
        self._writer = writer
        self._folder = folder
        self._file = writer._file  # noqa: SLF001 - what pytest writes must go above the table
        self._console = Console(file=self._file)
        self._tally = Tally(time.monotonic())
        self._live: Live | None = None
        self._lines: WholeLines | None = None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins, in this process or in one that works for it."""
        self._tally.started(_title(nodeid), time.monotonic())
        if self._live is None and self._folder.opened:
            self._live = Live(
                console=self._console, get_renderable=self._drawn, refresh_per_second=2, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._writer._file = self._lines = WholeLines(self._console, self._file)  # noqa: SLF001 - as above
            self._live.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has its outcome."""
        if report.when == "call" or report.outcome != "passed":
            outcome = {"passed": "pass", "failed": "fail", "skipped": "skip"}[report.outcome]
            self._tally.ended(_title(report.nodeid), getattr(report, "survive_verdict", outcome))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Take the table away, before anything sums up."""
        if self._live is not None:
            if self._lines is not None:
                self._lines.finish()
            self._live.stop()
            self._live, self._writer._file = None, self._file  # noqa: SLF001

    def _drawn(self) -> Group:
        now_s = time.monotonic()
        said = {_title(now.test): (now.row, now.line(time.time())) for now in self._folder.now()}
        line = self._tally.line(self._session.testscollected, now_s)
        return Group(self._tally.table(now_s, said), Text(line, style="bold"))


def _title(nodeid: str) -> str:
    """A test's name as a sentence."""
    return nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")


def _span(duration_s: float) -> str:
    """A duration to read: 84 s, 7 min."""
    return f"{duration_s:.0f} s" if duration_s < 120 else f"{duration_s / 60:.0f} min"
