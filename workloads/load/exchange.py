"""One request on one connection, from the connect to the last byte of the answer; nothing here waits."""

import errno
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

from .answer import Answer, ProtocolError

ERRORS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETUNREACH: "no_route",
}
# What says that this side, not the app, lacks something: such a request tells nothing of the app.
OWN_FAULT = (errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


class Request(NamedTuple):
    """What is sent. `expect` has the statuses of good answers, `key` is the work's idempotency key, if any."""

    method: str
    data: bytes
    expect: tuple[int, ...]
    key: str = ""


def message(method: str, path: str, host: str, fields: Sequence[str], body: bytes = b"") -> bytes:
    """A request's bytes. `fields` are NAME:VALUE; a Host among them replaces the target's own."""
    own = [] if any(field.lower().startswith("host:") for field in fields) else [f"Host: {host}"]
    length = [f"Content-Length: {len(body)}"] if body or method not in ("GET", "HEAD") else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *own, *fields, *length, "", ""]).encode("latin-1") + body


class Connection:
    """A non-blocking TCP connection. `use` counts its requests from 1; `closed` says it is of no more use."""

    __slots__ = ("closed", "connected", "id", "sock", "use")

    def __init__(self, name: str, address: Address, use: int = 0) -> None:
        self.id = name
        self.use = use
        self.connected = False
        self.closed = False
        self.sock = socket.socket(address[0], socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def is_open(self) -> bool:
        """Whether an idle connection still is: neither ended by the server nor with bytes that nobody asked for."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close it; may be called twice."""
        self.closed = True
        self.sock.close()


class Exchange:
    """A request under way. `phase` says how far it came; at its end `outcome` is set. Times are monotonic ns."""

    __slots__ = (
        "_answer", "_unsent", "attempt", "connection", "end_ns", "error", "first_ns", "outcome", "phase", "request",
        "scheduled_ns", "sent_ns",
    )  # fmt: skip

    def __init__(self, request: Request, scheduled_ns: int, attempt: int = 1) -> None:
        self.request = request
        self.attempt = attempt
        self.scheduled_ns = scheduled_ns
        self.sent_ns = time.monotonic_ns()
        self.first_ns: int | None = None
        self.end_ns = 0
        self.outcome = ""
        self.phase = "dns"
        self.error = ""
        self.connection: Connection | None = None
        self._answer = Answer(request.method)
        self._unsent = request.data

    def connect(self, connection: Connection, address: Address) -> None:
        """Begin on a new connection."""
        self.phase = "connect"
        self.connection = connection
        connection.use += 1
        code = connection.sock.connect_ex(address[1])
        if code == 0:
            connection.connected = True
            self._send()
        elif code != errno.EINPROGRESS:
            self.fail_os(OSError(code, "connect"))

    def reuse(self, connection: Connection) -> None:
        """Begin on a connection that is open and idle."""
        self.connection = connection
        connection.use += 1
        self._send()

    def proceed(self) -> None:
        """The socket is ready for something: go as far as it goes."""
        assert self.connection is not None
        if self.phase == "connect":
            code = self.connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self.fail_os(OSError(code, "connect"))
                return
            self.connection.connected = True
            self._send()
        elif self.phase == "write":
            self._send()
        if not self.outcome:
            self._receive()

    def fail(self, error: str, outcome: str = "failed") -> None:
        """End it where it stands; the connection is not used again."""
        self.error = error
        self.outcome = outcome
        self.end_ns = time.monotonic_ns()
        if self.connection is not None:
            self.connection.close()

    def fail_os(self, exc: OSError) -> None:
        """End it by an error of the operating system."""
        code = exc.errno or 0
        self.fail(ERRORS.get(code, "other"), "unknown" if code in OWN_FAULT else "failed")

    def _send(self) -> None:
        assert self.connection is not None
        self.phase = "write"
        try:
            sent = self.connection.sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as exc:
            self.fail_os(exc)
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self.phase = "first_byte"

    def _receive(self) -> None:
        assert self.connection is not None
        try:
            while not self.outcome:
                data = self.connection.sock.recv(65_536)
                if data and self.first_ns is None:
                    self.first_ns = time.monotonic_ns()
                    self.phase = "body"
                self._take(data)
        except BlockingIOError:
            return
        except ProtocolError:
            self.fail("protocol")
        except OSError as exc:
            self.fail_os(exc)

    def _take(self, data: bytes) -> None:
        answer = self._answer
        if data:
            answer.feed(data)
        else:
            answer.end()
        if answer.whole:
            self._finish()
        elif not data:
            self.fail("closed" if self.first_ns is None else "truncated")

    def _finish(self) -> None:
        assert self.connection is not None
        self.end_ns = time.monotonic_ns()
        if self._answer.status in self.request.expect:
            self.outcome, self.phase = "ok", ""
        else:
            self.outcome, self.phase, self.error = "failed", "first_byte", "status"
        if not self._answer.keep_alive or self._unsent:
            self.connection.close()

    def row(self) -> tuple[int, int, int | None, int, str, str, str, int, str, str, int]:
        """The row for the history. A wrong status is dated to phase first_byte, where the status line comes.

        Work with a key is told by it and by the attempt, all else by its connection and that one's use.
        """
        at = self.scheduled_ns
        connection = self.connection
        name, use = (connection.id, connection.use) if connection else ("", 0)
        if self.request.key:
            name, use = self.request.key, self.attempt
        return (
            at, self.sent_ns - at, None if self.first_ns is None else self.first_ns - at, self.end_ns - at,
            self.outcome, self.phase, self.error, self._answer.status, self._answer.pod,
            name, use,
        )  # fmt: skip
