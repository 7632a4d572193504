"""Locust as background load: in a process of its own, against servers that abort on purpose."""

import contextlib
import functools
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
from typing import Any

import pytest

import workloads

WORKLOADS = pathlib.Path(workloads.__file__).parent
OK = b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Length: 2\r\n\r\nok"
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart"
Reply = tuple[bytes, str]


class Server:
    """Answers by the request's number in turn of `replies`: what to send, and keep, close, reset or stall after it."""

    def __init__(self, replies: list[Reply]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.replies = replies
        self.received = 0
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            then = "keep"
            while then == "keep" and b"\r\n\r\n" in connection.recv(65_536):
                with self.lock:
                    data, then = self.replies[self.received % len(self.replies)]
                    self.received += 1
                if data:
                    connection.sendall(data)
            if then == "stall":
                connection.recv(1)
            if then == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@functools.cache
def python() -> str:
    """An interpreter that has Locust: never this one, into which its pytest plugin would be loaded too."""
    chosen = os.environ.get("SURVIVE_LOAD_PYTHON") or str(WORKLOADS.parent / ".venv" / "load" / "bin" / "python")
    if not pathlib.Path(chosen).exists():
        pytest.fail(f"{chosen} is not there: `make test` installs it, or SURVIVE_LOAD_PYTHON names one with Locust")
    return chosen


def start(port: int, *options: str) -> subprocess.Popen[bytes]:
    command = [python(), "-m", "load.background", "--target", f"127.0.0.1:{port}", *options]
    return subprocess.Popen(command, cwd=WORKLOADS, stdout=subprocess.PIPE)


def load(port: int, *options: str) -> list[dict[str, Any]]:
    output, _ = start(port, *options).communicate(timeout=30)
    return [json.loads(line) for line in output.splitlines()]


def rows_of(lines: list[dict[str, Any]]) -> list[list[Any]]:
    return sorted(row for line in lines for row in line.get("rows", []))


def test_count_equals_the_servers_ledger_when_it_aborts() -> None:
    server = Server([(OK, "keep")] * 4 + [(b"", "reset")] + [(OK, "keep")] * 4 + [(b"", "close")])
    rows = rows_of(load(server.port, "--rate", "100", "--users", "3", "--count", "50"))
    server.listener.close()
    assert server.received == len(rows) == 50
    failed = [tuple(row[4:8]) for row in rows if row[4] != "ok"]
    assert sorted(failed) == [("failed", "first_byte", "closed", 0)] * 5 + [("failed", "first_byte", "reset", 0)] * 5


def test_each_failure_has_its_phase_and_error() -> None:
    replies = [
        (OK.replace(b"200 OK", b"503 No"), "keep"), (PART, "close"), (b"\0\1garbage\r\n\r\n", "close"),
        (b"", "stall"), (PART, "stall"), (OK, "keep"),
    ]  # fmt: skip
    server = Server(replies)
    rows = rows_of(load(server.port, "--rate", "20", "--users", "6", "--count", "6", "--deadline-s", "0.3"))
    server.listener.close()
    # The server counts by arrival, which is not quite the order of the schedule.
    assert sorted(tuple(row[5:9]) for row in rows) == [
        ("", "", 200, "web-1"), ("body", "protocol", 0, ""), ("body", "timeout", 200, ""),
        ("body", "truncated", 200, ""), ("first_byte", "status", 503, "web-1"), ("first_byte", "timeout", 0, ""),
    ]  # fmt: skip
    assert all((row[2] is None) is (row[5:7] == ["first_byte", "timeout"]) for row in rows)


def test_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        rows = rows_of(load(unused.getsockname()[1], "--count", "2"))
    assert [tuple(row[4:8]) for row in rows] == [("failed", "connect", "refused", 0)] * 2


def test_a_stall_hides_no_user() -> None:
    """A closed loop of three users would send three requests while the server stands still."""
    server = Server([(b"", "stall")])
    lines = load(server.port, "--rate", "100", "--users", "3", "--count", "30", "--deadline-s", "1")
    rows = rows_of(lines)
    server.listener.close()
    assert server.received == len(rows) == 30
    assert [row[0] - lines[0]["t_ns"] for row in rows] == [n * 10_000_000 for n in range(30)]
    assert max(row[1] for row in rows) < 500_000_000


def test_sigterm_ends_the_schedule() -> None:
    server = Server([(OK, "keep")])
    process = start(server.port)
    assert process.stdout
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    lines += [json.loads(line) for line in process.stdout]
    process.stdout.close()
    assert process.wait(10) == 0
    server.listener.close()
    assert lines[0]["role"] == "load"
    assert lines[-1]["kind"] == "probe-end"
    assert lines[-1]["scheduled"] == len(rows_of(lines)) == server.received
