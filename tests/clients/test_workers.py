"""Several Locust workers under a plain Locust master, as processes on loopback."""

import itertools
import json
import pathlib
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.clients.test_ledger import LOAD_PYTHON, LOCUSTFILE, WORKLOADS
from workloads.faults.schedule import Schedule
from workloads.faults.server import FaultServer, serving

RATE = 100
SHOPPER = WORKLOADS / "load" / "shopper.py"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """One that breaks every tenth request on a reused connection."""
    with serving(FaultServer(Schedule(every=10, faults=("fin",), reused=True))) as made:
        yield made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


def loaded(
    server: FaultServer, file: pathlib.Path, workers: Sequence[Sequence[str]], port: int, enough: int, *, all_: bool
) -> list:
    """What each worker wrote, once the master, or all of them as in pods, were told to end after so many requests."""
    where = ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(port), "--expect-workers", str(len(workers))]
    users = ["--headless", "--only-summary", "--stop-timeout", "5", "-u", "6", "-r", "6"]
    host = ["--host", f"http://127.0.0.1:{server.port}"]
    master = subprocess.Popen(
        [LOAD_PYTHON, "-m", "locust", "-f", str(file), "--master", *where, *users, *host],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    started = [
        subprocess.Popen([LOAD_PYTHON, "-m", *one], cwd=WORKLOADS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for one in workers
    ]
    try:
        server.ledger.wait(enough, 60)
        for process in (master, *started) if all_ else (master,):
            process.send_signal(signal.SIGTERM)
        said = [one.communicate(timeout=30)[0] for one in started]
        summary = master.communicate(timeout=30)[0].decode()
    finally:
        for process in (master, *started):
            process.kill()
            process.wait()
    assert "Aggregated" in summary
    return [[json.loads(line) for line in one.splitlines()] for one in said]


def rows_of(lines: list[dict[str, Any]]) -> list[list[Any]]:
    return [row for line in lines for row in line.get("rows", [])]


@pytest.mark.parametrize("all_", [False, True], ids=["master-ends", "all-end"])
def test_they_share_the_schedule_and_count_as_the_server(server: FaultServer, all_: bool) -> None:
    port = free_port()
    workers = [
        ["load.background", "--probe", f"background-{n}", "--target", f"127.0.0.1:{server.port}", "--rate", str(RATE),
         "--users", "3", "--master", f"127.0.0.1:{port}", "--workers", "2"]
        for n in (0, 1)
    ]  # fmt: skip
    told = loaded(server, SHOPPER, workers, port, 2 * RATE, all_=all_)
    rows = [rows_of(lines) for lines in told]
    assert [lines[0]["interval_ns"] for lines in told] == [20_000_000] * 2
    assert [lines[-1]["scheduled"] for lines in told] == [len(one) for one in rows]
    assert sum(map(len, rows)) == server.ledger.requests
    assert sum(row[4] == "failed" for one in rows for row in one) == server.ledger.broken > 0
    both = [(min(row[0] for row in one), max(row[0] for row in one)) for one in rows]
    since_ns, until_ns = max(first for first, _ in both), min(last for _, last in both)
    due = sorted(row[0] for one in rows for row in one if since_ns <= row[0] <= until_ns)
    # Each takes every second tick; their anchors of time differ by what reading two clocks takes.
    assert all(abs(after - before - 10_000_000) < 1_000_000 for before, after in itertools.pairwise(due))


@pytest.mark.parametrize("all_", [False, True], ids=["master-ends", "all-end"])
def test_a_users_file_on_workers_counts_as_the_server(server: FaultServer, all_: bool) -> None:
    port = free_port()
    under = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
    workers = [["load.users", "--probe", f"users-{n}", "--", "-f", str(LOCUSTFILE), *under] for n in (0, 1)]
    told = loaded(server, LOCUSTFILE, workers, port, 200, all_=all_)
    rows = [rows_of(lines) for lines in told]
    assert all(lines[0]["loop"] == "closed" and one for lines, one in zip(told, rows, strict=True))
    assert sum(map(len, rows)) == server.ledger.requests
    failed = [row for one in rows for row in one if row[6] == "closed"]
    assert len(failed) == server.ledger.broken > 0
