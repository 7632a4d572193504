"""The sample server as a real process over loopback."""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import workloads.server

WORKLOADS = pathlib.Path(workloads.server.__file__).parents[1]
GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


class Running:
    """A server process, told of by its own events."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-E", "-s", "-S", "-m", "server.server", "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"POD_NAME": "web-1"}, cwd=WORKLOADS)
        self.events: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read events until that one; returns its data."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1].get("event") == event:
                return dict(self.events[-1]["data"])
        raise AssertionError(f"no {event} among {self.names()}")

    def until_task(self, step: str) -> None:
        """Read lines until an entry of the ledger."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1].get("step") == step:
                return
        raise AssertionError(f"no task {step}")

    def names(self) -> list[str]:
        return [event["event"] for event in self.events if event["kind"] == "app"]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def listening(self) -> "Running":
        self.port = self.until("listening")["port"]
        return self

    def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        with self.connect() as sock:
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, body = drain(sock).decode().partition("\r\n\r\n")
        assert "X-Pod: web-1" in head
        return int(head.split()[1]), body

    def begin(self, path: str) -> socket.socket:
        """Send a slow request and return once the server works on it."""
        before = json.loads(self.ask("/ledger")[1])["begun"]
        sock = self.connect()
        sock.sendall(GET % path.encode())
        while json.loads(self.ask("/ledger")[1])["begun"] == before:
            pass
        return sock

    def end(self) -> int:
        """The exit code, once all events are read."""
        assert self.process.stdout
        self.events += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(10)


def drain(sock: socket.socket) -> bytes:
    """All bytes until the end; a reset ends it too."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65_536):
            found += data
    return found


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Running]:
    running = Running(*options)
    try:
        yield running.listening()
    finally:
        running.process.kill()
        running.process.wait()
        assert running.process.stdout
        running.process.stdout.close()
