"""The prober of long-lived streams: one is opened each while, on an absolute schedule, and kept for its whole length.

As many as asked for are open at any time: the first ones are opened at once, with the rest of their lives that they
would have had, had the schedule run for ever. A stream that ends early is not opened again: it is a row that failed.
"""

import argparse
import errno
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from .answer import ProtocolError
from .decode import Decoder, Events, Frames, accept_key, close_frame, read_head, websocket_key
from .exchange import ERRORS, OWN_FAULT, Address, Connection
from .probe import NS_PER_S, until_told
from .resolve import resolve_once, split
from .rows import Row, Rows, to_stdout

SOON_NS = 10_000_000  # between the openings of the first ones
WAKE_AT_LEAST_S = 0.05
EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
FIELDS = {"sse": "Accept: text/event-stream\r\n", "websocket": "Connection: Upgrade\r\nUpgrade: websocket\r\n"}


class Stream:
    """One stream. `outcome` is set at its end; times are monotonic ns; `until_ns` is when the client leaves it."""

    def __init__(self, kind: str, path: str, host: str, scheduled_ns: int, until_ns: int) -> None:
        self.scheduled_ns = scheduled_ns
        self.until_ns = until_ns
        self.sent_ns = self.heard_ns = time.monotonic_ns()
        self.first_ns: int | None = None
        self.end_ns = 0
        self.outcome = ""
        self.phase = "connect"
        self.error = ""
        self.status = 0
        self.pod = ""
        self.beats = 0
        self.connection: Connection | None = None
        self._kind = kind
        self._key = websocket_key() if kind == "websocket" else ""
        key = f"Sec-WebSocket-Key: {self._key}\r\nSec-WebSocket-Version: 13\r\n" if self._key else ""
        self._unsent = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{FIELDS[kind]}{key}\r\n".encode("latin-1")
        self._head = b""
        self._decoder: Decoder | None = None

    def connect(self, number: int, address: Address) -> None:
        """Begin."""
        try:
            self.connection = Connection(str(number), address)
        except OSError as exc:
            self.fail_os(exc)
            return
        code = self.connection.sock.connect_ex(address[1])
        if code not in (0, errno.EINPROGRESS):
            self.fail_os(OSError(code, "connect"))

    def proceed(self) -> Iterator[tuple[int, int, int]]:
        """The socket is ready for something: go as far as it goes. Gives each heartbeat: (arrival, number, said)."""
        assert self.connection is not None
        sock = self.connection.sock
        try:
            if self.phase == "connect":
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, "connect")  # noqa: TRY301 - as a system call would
                self.phase = "write"
            if self.phase == "write":
                self._unsent = self._unsent[sock.send(self._unsent) :]
                if not self._unsent:
                    self.phase = "first_byte"
            while not self.outcome and self.phase != "write":
                yield from self._take(sock.recv(65_536))
        except BlockingIOError:
            return
        except ProtocolError:
            self.end("failed", "protocol")
        except OSError as exc:
            self.fail_os(exc)

    def _take(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        if not data:
            self.end("failed", "closed" if self.first_ns is None else "truncated")
            return
        now_ns = time.monotonic_ns()
        if self._decoder is None:
            self._head += data
            if (head := read_head(self._head)) is None:
                return
            data = self._begin(*head)
        for text in self._decoder.feed(data) if self._decoder else ():
            self.beats += 1
            self.heard_ns = now_ns
            self.first_ns = self.first_ns or now_ns
            self.phase = "body"
            words = [int(word) if word.isascii() and word.isdigit() else 0 for word in text.split(" ", 2)[:2]]
            number, said_ns = (*words, 0, 0)[:2]
            yield now_ns, number, said_ns
        if self._decoder and self._decoder.ended:
            self.end("failed", "ended")

    def _begin(self, status: int, fields: dict[str, str], rest: bytes) -> bytes:
        """The head is there: choose the decoder; returns the bytes after the head."""
        self.status, self.pod = status, fields.get("x-pod", "")
        if self._kind == "websocket" and status == 101:
            if fields.get("sec-websocket-accept") != accept_key(self._key):
                raise ProtocolError("handshake")
            self._decoder = Frames()
        elif self._kind == "sse" and status == 200:
            self._decoder = Events("chunked" in fields.get("transfer-encoding", "").lower())
        else:
            self.end("failed", "status")
        return rest

    def leave(self) -> None:
        """Its time is over: the client ends it."""
        if self._kind == "websocket" and self.connection is not None:
            try:
                self.connection.sock.send(close_frame())
            except OSError as exc:
                self.fail_os(exc)
                return
        self.end("ok", "")

    def end(self, outcome: str, error: str) -> None:
        """End it where it stands."""
        self.outcome, self.error = outcome, error
        self.phase = "" if outcome == "ok" else self.phase
        self.end_ns = time.monotonic_ns()
        if self.connection is not None:
            self.connection.close()

    def fail_os(self, exc: OSError) -> None:
        """End it by an error of the operating system."""
        code = exc.errno or 0
        self.end("unknown" if code in OWN_FAULT else "failed", ERRORS.get(code, "other"))

    def row(self) -> Row:
        """The row for the history: the connection is the stream's number, its use the number of heartbeats."""
        at = self.scheduled_ns
        return (
            at, self.sent_ns - at, None if self.first_ns is None else self.first_ns - at, self.end_ns - at,
            self.outcome, self.phase, self.error, self.status, self.pod,
            self.connection.id if self.connection else "", self.beats,
        )  # fmt: skip


class StreamProber:
    """`streams` are open at any time, each for `lasting_ns`; one silent for `deadline_ns` has failed."""

    def __init__(
        self, kind: str, path: str, host: str, rows: Rows, beats: Rows, *, address: Address, streams: int,
        lasting_ns: int, deadline_ns: int, count: int = 0,
    ) -> None:  # fmt: skip
        self.stopping = False
        self.scheduled = 0
        self._kind = kind
        self._path = path
        self._host = host
        self._rows = rows
        self._beats = beats
        self._address = address
        self._streams = streams
        self._lasting_ns = lasting_ns
        self._interval_ns = lasting_ns // streams
        self._deadline_ns = deadline_ns
        self._count = count
        self._epoll = select.epoll()
        self._open: dict[int, Stream] = {}

    def run(self, *, target: str, role: str) -> None:
        """Probe until `count` are over, or until `stop`: then each is left once it has said anything."""
        start_ns = time.monotonic_ns()
        self._rows.begin(
            start_ns, interval_ns=self._interval_ns, deadline_ns=self._deadline_ns, target=target, role=role
        )
        schedule = self._schedule(start_ns)
        due_ns, until_ns = next(schedule)
        while not self._full or self._open:
            for descriptor, _ in self._epoll.poll(WAKE_AT_LEAST_S):
                self._ready(self._open[descriptor])
            now_ns = time.monotonic_ns()
            if not self._full and now_ns >= due_ns:
                self._start(Stream(self._kind, self._path, self._host, due_ns, until_ns))
                due_ns, until_ns = next(schedule)
            self._expire(now_ns)
            self._rows.flush_if_old(now_ns)
            self._beats.flush_if_old(now_ns)
        self._beats.flush(time.monotonic_ns())
        self._rows.end(self.scheduled)
        self._epoll.close()

    @property
    def _full(self) -> bool:
        """Whether no more are opened."""
        return self.stopping or self.scheduled == self._count > 0

    def stop(self) -> None:
        """Open no more; `run` returns once all are left."""
        self.stopping = True

    def _schedule(self, start_ns: int) -> Iterator[tuple[int, int]]:
        """When each stream is opened and when it is left."""
        for number in range(self._streams):
            yield start_ns + number * SOON_NS, start_ns + (number + 1) * self._interval_ns
        number = 1
        while True:
            due_ns = start_ns + number * self._interval_ns
            yield due_ns, due_ns + self._lasting_ns
            number += 1

    def _start(self, stream: Stream) -> None:
        self.scheduled += 1
        stream.connect(self.scheduled, self._address)
        if stream.outcome or stream.connection is None:
            self._rows.add(stream.row(), stream.end_ns)
            return
        descriptor = stream.connection.sock.fileno()
        self._open[descriptor] = stream
        self._epoll.register(descriptor, EVENTS)

    def _ready(self, stream: Stream) -> None:
        assert stream.connection is not None
        descriptor = stream.connection.sock.fileno()
        for heard_ns, number, said_ns in stream.proceed():
            self._beats.add((heard_ns, stream.connection.id, number, said_ns), heard_ns)
        if stream.outcome:
            self._close(descriptor)

    def _expire(self, now_ns: int) -> None:
        """Leave the streams whose time is over, give up on those that are silent."""
        for descriptor, stream in list(self._open.items()):
            if now_ns - stream.heard_ns >= self._deadline_ns:
                stream.end("failed", "timeout")
            elif stream.first_ns is not None and (self.stopping or now_ns >= stream.until_ns):
                stream.leave()
            if stream.outcome:
                self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        stream = self._open.pop(descriptor)
        self._rows.add(stream.row(), stream.end_ns)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="load.streams", allow_abbrev=False)
    add = parser.add_argument
    add("--probe", required=True, help="the probe's name in the history")
    add("--target", required=True, help="HOST:PORT")
    add("--kind", choices=tuple(FIELDS), required=True)
    add("--path", required=True)
    add("--streams", type=int, default=6, help="how many are open at any time")
    add("--lasting-s", type=float, default=20.0, help="how long each is kept")
    add("--deadline-s", type=float, default=2.0, help="a stream that is silent for so long has failed")
    add("--count", type=int, default=0, help="end after so many streams; 0: go on until SIGTERM")
    options = parser.parse_args(arguments)
    try:
        split(options.target)
    except ValueError as exc:
        parser.error(str(exc))
    if options.streams < 1 or options.lasting_s <= 0 or options.deadline_s <= 0 or options.count < 0:
        parser.error("streams, length and deadline are above 0, the count is not below")
    return options


def build(options: argparse.Namespace, write: Callable[[bytes], None] = to_stdout) -> StreamProber:
    """The prober that the options ask for. Raises ResolveError."""
    host, port = split(options.target)
    return StreamProber(
        options.kind, options.path, options.target, Rows(options.probe, write), Rows(options.probe, write, "beats"),
        address=resolve_once(host, port), streams=options.streams, lasting_ns=round(options.lasting_s * NS_PER_S),
        deadline_ns=round(options.deadline_s * NS_PER_S), count=options.count,
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Probe as the options say; the exit code."""
    options = parse(arguments)
    return until_told(lambda: build(options), options.target, "stream")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
