import io
import re
import types

import pytest
from rich.console import Console

from harness.live import LiveRows, Tally, WholeLines
from harness.results import Cluster
from harness.run import RunFolder

NODE = "suites/test_rollout.py::test_a_naive_rollout_is_down"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal, and keeps all that was written."""

    def isatty(self):
        return True


def test_how_far_a_run_is():
    tally = Tally(began_s=100.0)
    assert tally.line(110, 100.0) == "0 of 110 rows in 0 s"
    for n in range(12):
        tally.started(f"row {n}", 100.0 + n)
    for n, verdict in enumerate(["pass"] * 9 + ["fail"]):
        tally.ended(f"row {n}", verdict)
    assert list(tally.running) == ["row 10", "row 11"]
    assert tally.line(110, 160.0) == "10 of 110 rows in 60 s: 9 pass, 1 fail; about 10 min left"
    assert tally.line(10, 160.0) == "10 of 10 rows in 60 s: 9 pass, 1 fail"


def test_rows_that_run_are_told_with_their_time():
    tally = Tally(began_s=0.0)
    tally.started("a naive rollout is down", 10.0)
    tally.started("a drain loses nothing", 130.0)
    console = Console(file=io.StringIO(), width=80)
    console.print(tally.table(140.0))
    told = [line.split() for line in console.file.getvalue().splitlines()]
    assert [(line[1:-2], line[-2:]) for line in told] == [
        (["a", "naive", "rollout", "is", "down"], ["2", "min"]), (["a", "drain", "loses", "nothing"], ["10", "s"]),
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return RunFolder.named(tmp_path)


@pytest.fixture
def writer():
    return types.SimpleNamespace(_file=Terminal())


def rows(writer, folder):
    return LiveRows(types.SimpleNamespace(testscollected=3), writer, folder)


def ended(nodeid=NODE, **more):
    return types.SimpleNamespace(nodeid=nodeid, **{"when": "call", "outcome": "passed"} | more)


def test_nothing_is_drawn_where_no_row_runs(writer, folder):
    live = rows(writer, folder)
    terminal = writer._file
    live.pytest_runtest_logstart("tests/test_else.py::test_it")
    live.pytest_runtest_logreport(ended("tests/test_else.py::test_it"))
    live.pytest_sessionfinish()
    assert writer._file is terminal
    assert terminal.getvalue() == ""


def test_what_pytest_writes_goes_above_the_table_and_the_table_goes_in_the_end(writer, folder):
    folder.open(Cluster(provider="made", version="v1", nodes=3))
    live, terminal = rows(writer, folder), writer._file
    live.pytest_runtest_logstart(NODE)
    assert writer._file is not terminal
    writer._file.write("PASS B1 rollout-naive\n")
    live.pytest_runtest_logreport(ended(when="setup"))
    assert "a naive rollout is down" in live._tally.running
    live.pytest_runtest_logreport(ended(survive_verdict="inconclusive", outcome="failed"))
    assert live._tally.done == {"inconclusive": 1}
    live.pytest_sessionfinish()
    assert writer._file is terminal
    drawn = terminal.getvalue()
    assert "a naive rollout is down" in drawn
    assert drawn.index("PASS B1 rollout-naive") < drawn.rindex("of 3 rows")
    live.pytest_sessionfinish()  # a second end changes nothing
    assert terminal.getvalue() == drawn


def test_what_broke_or_was_skipped_before_its_call_is_over_too(writer, folder):
    live = rows(writer, folder)
    for outcome in ("skipped", "failed"):
        live.pytest_runtest_logstart(NODE)
        live.pytest_runtest_logreport(ended(when="setup", outcome=outcome))
    assert live._tally.done == {"skip": 1, "fail": 1}
    assert not live._tally.running


def test_dots_and_their_colours_stay_in_one_line():
    console = Console(file=Terminal(), force_terminal=True, color_system="standard")
    lines = WholeLines(console, Terminal())
    for part in ("\x1b[32m", ".", "\x1b[0m", "\x1b[31m", "F", "\x1b[0m"):
        lines.write(part)
        lines.flush()
    assert console.file.getvalue() == ""
    lines.finish()
    assert re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue()) == ".F\n"


def test_what_a_row_is_at_stands_beside_it():
    tally = Tally(began_s=0.0)
    tally.started("a naive rollout is down", 10.0)
    console = Console(file=io.StringIO(), width=120)
    said = {"a naive rollout is down": ("B1 rollout-naive", "3 of 3 pods Ready, 4 s of at most 60 s")}
    console.print(tally.table(14.0, said))
    assert console.file.getvalue().split() == [
        "…",
        "B1",
        "rollout-naive",
        "4",
        "s",
        *["3", "of", "3", "pods", "Ready,", "4", "s", "of", "at", "most", "60", "s"],
    ]
