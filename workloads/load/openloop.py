"""An open loop on gevent's event loop: a request at each tick of an absolute schedule, on kept-alive connections.

It has connections of its own, driven by the loop's callbacks: no client that sends a request again, no greenlet for
each request, and the phase in which it failed.
"""

import collections
import socket
import time
from collections.abc import Callable

import gevent
import gevent.event
import gevent.hub
import gevent.monkey

from .exchange import Address, Connection, Exchange, Request
from .rows import Rows
from .ticks import NS_PER_S, Ticks

WAKE_AT_LEAST_NS = 50_000_000
STOPPING_WAKE_NS = 5_000_000
STARTS_PER_TURN = 64  # when it is behind: answers are read between
READ, WRITE = 1, 2
# Locust has put gevent's sockets in the place of Python's: those would wait where this must not.
PlainSocket = gevent.monkey.get_original("socket", "socket")


class Kept(Connection):
    """A connection that is kept, with its watchers."""

    __slots__ = ("busy", "readable", "writable")

    def __init__(self, name: str, address: Address, ready: Callable[["Kept"], None]) -> None:
        # Not the class's own: that would make one of gevent's sockets.
        self.id = name
        self.use = 0
        self.connected = self.closed = False
        self.sock = PlainSocket(address[0], socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.busy: Exchange | None = None
        loop = gevent.hub.get_hub().loop
        # Always on: so that it is seen at once if the server ends it while idle.
        self.readable = loop.io(self.sock.fileno(), READ)
        self.readable.start(ready, self)
        self.writable = loop.io(self.sock.fileno(), WRITE)

    def close(self) -> None:
        """Close it and forget its watchers; may be called twice."""
        if not self.closed:
            for watcher in (self.readable, self.writable):
                watcher.stop()
                watcher.close()
        super().close()


class OpenLoop:
    """Sends `request` at each tick to `address`; `told` is called with each that has come to its end."""

    def __init__(
        self, request: Request, address: Address, rows: Rows, *, deadline_ns: int, connections: int,
        told: Callable[[Exchange], None] | None = None,
    ) -> None:  # fmt: skip
        self._request = request
        self._address = address
        self._rows = rows
        self._deadline_ns = deadline_ns
        self._connections = connections
        self._told = told
        self.stopping = gevent.event.Event()
        self._idle: collections.deque[Kept] = collections.deque()
        self._open: collections.deque[Exchange] = collections.deque()
        self._kept = 0
        self._made = 0

    def stop(self) -> None:
        """Schedule no more; `run` returns once nothing is under way."""
        self.stopping.set()

    def run(self, ticks: Ticks) -> None:
        """Send at each tick until `stop` or the last one, then wait for what is under way until its deadline."""
        while self._open or not (ticks.over or self.stopping.is_set()):
            self._wait(ticks)
            for _ in range(STARTS_PER_TURN):
                due_ns = None if self.stopping.is_set() else ticks.take(time.monotonic_ns())
                if due_ns is None:
                    break
                self._begin(due_ns)
            self._expire()
            self._rows.flush_if_old(time.monotonic_ns())
        while self._idle:
            self._idle.popleft().close()
        self._rows.end(ticks.scheduled)

    def _wait(self, ticks: Ticks) -> None:
        """Let the event loop run until something is due. Zero yields too, so that answers are read meanwhile."""
        stopping = self.stopping.is_set()
        until_ns = time.monotonic_ns() + (STOPPING_WAKE_NS if stopping else WAKE_AT_LEAST_NS)
        if not (stopping or ticks.over):
            until_ns = min(until_ns, ticks.due_ns)
        if self._open:
            until_ns = min(until_ns, self._open[0].sent_ns + self._deadline_ns)
        left_s = max(0, until_ns - time.monotonic_ns()) / NS_PER_S
        if stopping:
            gevent.sleep(left_s)
        else:
            self.stopping.wait(left_s)

    def _begin(self, due_ns: int) -> None:
        exchange = Exchange(self._request, due_ns)
        self._open.append(exchange)
        # A full set of connections is used in turn; if none is idle one more is opened, for nothing may queue.
        if self._idle and self._kept >= self._connections:
            connection = self._idle.popleft()
            # The server may have closed it while idle: that is no error, a client sees it and opens another.
            if connection.is_open():
                connection.busy = exchange
                exchange.reuse(connection)
                self._after(connection)
                return
            self._drop(connection)
        self._connect(exchange)

    def _connect(self, exchange: Exchange) -> None:
        self._made += 1
        exchange.phase = "connect"
        try:
            connection = Kept(str(self._made), self._address, self._ready)
        except OSError as exc:
            exchange.fail_os(exc)
            self._done(exchange)
            return
        self._kept += 1
        connection.busy = exchange
        exchange.connect(connection, self._address)
        self._after(connection)

    def _ready(self, connection: Kept) -> None:
        """The event loop's callback: a connection can be read or written."""
        if connection.closed:
            return
        if connection.busy is None:
            # The server ended it while idle, or said what nobody asked for.
            self._idle.remove(connection)
            self._drop(connection)
            return
        connection.busy.proceed()
        self._after(connection)

    def _after(self, connection: Kept) -> None:
        """Settle what a step of an exchange has led to."""
        exchange = connection.busy
        assert exchange is not None
        if not exchange.outcome:
            waits = exchange.phase in ("connect", "write")
            if waits and not connection.writable.active:
                connection.writable.start(self._ready, connection)
            elif not waits and connection.writable.active:
                connection.writable.stop()
            return
        connection.busy = None
        if connection.closed:
            self._kept -= 1
        else:
            self._idle.append(connection)
        self._done(exchange)

    def _drop(self, connection: Kept) -> None:
        connection.close()
        self._kept -= 1

    def _expire(self) -> None:
        """End what is past its deadline, counted from its sending. Requests end out of order, so the oldest leads."""
        now_ns = time.monotonic_ns()
        while self._open and (self._open[0].outcome or now_ns - self._open[0].sent_ns >= self._deadline_ns):
            exchange = self._open.popleft()
            if not exchange.outcome:
                assert isinstance(exchange.connection, Kept)
                exchange.fail("timeout")
                self._after(exchange.connection)

    def _done(self, exchange: Exchange) -> None:
        self._rows.add(exchange.row(), exchange.end_ns)
        if self._told:
            self._told(exchange)
