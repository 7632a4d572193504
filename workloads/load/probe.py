"""The prober: one request each interval, on an absolute schedule, whatever became of the ones before; no retries.

It has a loop of its own on epoll, for the phases (which system call failed, and when) and for the cost. Measured at
100 new connections a second on one machine, processor time of the generator for each: this loop 0.27 ms, an
asyncio.Protocol 0.57 ms, httpx with a transport for each connection and its trace extension 2.6 ms. uvloop would be one
more wheel in the image for what epoll gives without.
"""

import argparse
import collections
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .answer import statuses
from .exchange import Address, Connection, Exchange, Request, message
from .ports import Ports
from .resolve import ResolveError, Resolver, resolve_once, split
from .rows import NoiseMeter, Rows, to_stdout
from .slice import ask_for_short_slice
from .targets import Targets
from .work import add_work, keyed_work

NS_PER_S = 1_000_000_000
START_AFTER_NS = 5_000_000
WAKE_AT_LEAST_NS = 50_000_000  # for batches, noise and signals
STARTS_PER_TURN = 64  # when it is behind: answers are read between
# Edge-triggered, so that a connection costs one registration and none to leave.
EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


class Prober:
    """One probe. `count` ends it after so many requests, 0 never; `pinned` is how many connections are kept, 0 none.

    `make` gives the n-th request. `looks`: see whether a kept connection was closed before it is used again. `resends`:
    a request that failed is sent a second time, as a row of its own. `ports` gives connections their source ports.
    """

    def __init__(
        self, make: Callable[[int], Request], rows: Rows, *, interval_ns: int, deadline_ns: int,
        address: Address | None = None, resolver: Resolver | None = None, targets: Targets | None = None,
        pinned: int = 0, looks: bool = True, resends: bool = False, count: int = 0, noise: NoiseMeter | None = None,
        ports: Ports | None = None,
    ) -> None:  # fmt: skip
        self.stopping = False
        self.scheduled = 0
        self._make = make
        self._made = 0
        self._rows = rows
        self._interval_ns = interval_ns
        self._deadline_ns = deadline_ns
        self._address = address
        self._resolver = resolver
        self._targets = targets
        self._pinned = pinned
        self._looks = looks
        self._resends = resends
        self._count = count
        self._noise = noise
        self._ports = ports
        self._epoll = select.epoll()
        self._busy: dict[int, Exchange] = {}
        self._idle: collections.deque[Connection] = collections.deque()
        self._open: collections.deque[Exchange] = collections.deque()
        self._connections = 0
        self._due_ns = 0

    def run(self, *, target: str, role: str) -> None:
        """Probe until `count` or `stop`, then wait for what is under way until its deadline."""
        self._due_ns = time.monotonic_ns() + START_AFTER_NS
        self._rows.begin(
            self._due_ns, interval_ns=self._interval_ns, deadline_ns=self._deadline_ns, target=target, role=role
        )
        if self._resolver:
            self._epoll.register(self._resolver.ready, select.EPOLLIN)
        while not self.stopping or self._open:
            self._wait()
            for descriptor, _ in self._epoll.poll(0):
                self._ready(descriptor)
            self._expire()
            self._start_due()
            now_ns = time.monotonic_ns()
            self._rows.flush_if_old(now_ns)
            if self._noise:
                self._noise.look(now_ns)
        self._rows.end(self.scheduled)
        self._epoll.close()

    def stop(self) -> None:
        """Schedule no more; `run` returns once nothing is under way."""
        self.stopping = True

    def _wait(self) -> None:
        """Sleep to the next moment that matters; select(2) counts microseconds, epoll_wait(2) milliseconds."""
        now_ns = time.monotonic_ns()
        until_ns = now_ns + WAKE_AT_LEAST_NS
        if not self.stopping:
            until_ns = min(until_ns, self._due_ns)
        if self._open:
            until_ns = min(until_ns, self._open[0].sent_ns + self._deadline_ns)
        if until_ns > now_ns:
            select.select([self._epoll], [], [], (until_ns - now_ns) / NS_PER_S)

    def _start_due(self) -> None:
        """Start each request whose time has come. One that is late is sent late, with the time it was due."""
        for _ in range(STARTS_PER_TURN):
            if self.stopping or self._due_ns > time.monotonic_ns():
                return
            exchange = Exchange(self._make(self._made), self._due_ns)
            self._due_ns += self._interval_ns
            self._made += 1
            if self._made == self._count:
                self.stopping = True
            self._begin(exchange)

    def _begin(self, exchange: Exchange) -> None:
        self.scheduled += 1
        self._open.append(exchange)
        # A full set of pinned connections is used in turn; if none is idle one more is opened, for nothing may queue.
        if self._idle and len(self._idle) + len(self._busy) >= self._pinned:
            connection = self._idle.popleft()
            # The server may have closed it while idle: that is no error, a client sees it and opens another.
            if not self._looks or connection.is_open():
                descriptor = connection.sock.fileno()
                exchange.reuse(connection)
                self._follow(exchange, descriptor)
                return
            connection.close()
        if address := self._address or (self._targets.take() if self._targets else None):
            self._connect(exchange, address)
        elif self._resolver:
            self._resolver.ask(exchange)
        else:
            exchange.fail("other")
            self._done(exchange)

    def _connect(self, exchange: Exchange, address: Address) -> None:
        self._connections += 1
        exchange.phase = "connect"
        try:
            connection = self._targets.connection(address) if self._targets else self._plain_connection(address)
        except OSError as exc:
            exchange.fail_os(exc)
            self._done(exchange)
            return
        descriptor = connection.sock.fileno()
        exchange.connect(connection, address)
        if not connection.closed:
            self._epoll.register(descriptor, EVENTS)
        self._follow(exchange, descriptor)

    def _plain_connection(self, address: Address) -> Connection:
        connection = Connection(str(self._connections), address)
        if self._ports:
            self._ports.bind(connection.sock)
        return connection

    def _follow(self, exchange: Exchange, descriptor: int) -> None:
        if exchange.outcome:
            self._done(exchange)
        else:
            self._busy[descriptor] = exchange

    def _ready(self, descriptor: int) -> None:
        """Something happened to a descriptor: names are there or a request can go on."""
        if exchange := self._busy.get(descriptor):
            exchange.proceed()
            if exchange.outcome:
                del self._busy[descriptor]
                self._done(exchange)
        elif self._resolver and descriptor == self._resolver.ready:
            self._resolved(self._resolver)

    def _resolved(self, resolver: Resolver) -> None:
        for exchange, address in resolver.take():
            if exchange.outcome:
                continue
            if address:
                self._connect(exchange, address)
            else:
                exchange.fail("other")
                self._done(exchange)

    def _expire(self) -> None:
        """End what is past its deadline, counted from its sending. Requests end out of order, so the oldest leads."""
        now_ns = time.monotonic_ns()
        while self._open and (self._open[0].outcome or now_ns - self._open[0].sent_ns >= self._deadline_ns):
            exchange = self._open.popleft()
            if exchange.outcome:
                continue
            if exchange.connection is not None:
                self._busy.pop(exchange.connection.sock.fileno(), None)
            exchange.fail("timeout")
            self._done(exchange)

    def _done(self, exchange: Exchange) -> None:
        self._rows.add(exchange.row(), exchange.end_ns)
        connection = exchange.connection
        if connection is not None and not connection.closed:
            if self._pinned:
                self._idle.append(connection)
            else:
                connection.close()
        if self._resends and exchange.outcome == "failed" and exchange.attempt == 1:
            self._begin(Exchange(exchange.request, time.monotonic_ns(), attempt=2))


def build_request(options: argparse.Namespace, host: str, path: str, key: str = "") -> Request:
    """A request with its bytes."""
    fields = [*options.header, "Connection: close"] if options.mode == "new" else options.header
    data = message(options.method, path, host, fields, options.body.encode())
    return Request(options.method, data, options.expect_status, key)


def maker(options: argparse.Namespace) -> Callable[[int], Request]:
    """What gives the n-th request: the same one always, or one with a key of its own."""
    if options.work_s:
        works = keyed_work(options)
        return lambda n: build_request(options, options.target, *works(n))
    plain = build_request(options, options.target, options.path)
    return lambda _: plain


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="load.probe", allow_abbrev=False)
    add = parser.add_argument
    add("--probe", required=True, help="the probe's name in the history")
    add("--target", required=True, help="HOST:PORT")
    add("--role", choices=("measure", "control", "load", "direct", "inflight"), default="measure")
    add("--mode", choices=("new", "keepalive"), default="new", help="a connection for each request, or pinned ones")
    add("--connections", type=int, default=10, help="how many are pinned in the mode keepalive")
    add("--interval-ms", type=float, default=10.0)
    add("--deadline-s", type=float, default=1.0)
    add("--method", default="GET")
    add("--path", default="/")
    add("--header", action="append", default=[], help="NAME:VALUE; repeatable")
    add("--body", default="", help="sent as UTF-8, with its length")
    add("--expect-status", type=statuses, default=(200,), help="of a good answer; several by commas")
    add("--looks", action=argparse.BooleanOptionalAction, default=True, help="see whether a kept connection is open")
    add(
        "--resolve", choices=("once", "each", "all"), default="once",
        help="look the name up at the start or for each request; all: ask each of its addresses in turn",
    )  # fmt: skip
    add("--fresh-ports", action="store_true", help="source ports in turn: none comes again for long")
    add("--count", type=int, default=0, help="end after so many requests; 0: go on until SIGTERM")
    add("--noise", action="store_true", help="also write how busy the machine is")
    add_work(parser)
    options = parser.parse_args(arguments)
    try:
        split(options.target)
    except ValueError as exc:
        parser.error(str(exc))
    if options.interval_ms <= 0 or options.deadline_s <= 0 or options.connections < 1 or options.count < 0:
        parser.error("interval, deadline and connections are above 0, the count is not below")
    return options


def build(options: argparse.Namespace, write: Callable[[bytes], None] = to_stdout) -> Prober:
    """The prober that the options ask for. Raises ResolveError."""
    host, port = split(options.target)
    return Prober(
        maker(options), Rows(options.probe, write),
        interval_ns=round(options.interval_ms * 1_000_000), deadline_ns=round(options.deadline_s * NS_PER_S),
        address=resolve_once(host, port) if options.resolve == "once" else None,
        resolver=Resolver(host, port) if options.resolve == "each" else None,
        targets=Targets(host, port) if options.resolve == "all" else None,
        pinned=options.connections if options.mode == "keepalive" else 0, looks=options.looks,
        resends=options.resend, count=options.count, noise=NoiseMeter(write) if options.noise else None,
        ports=Ports() if options.fresh_ports else None,
    )  # fmt: skip


class Runs(Protocol):
    """A prober of any kind."""

    def run(self, *, target: str, role: str) -> None:
        """Probe until stopped."""

    def stop(self) -> None:
        """Come to the end."""


def until_told(build: Callable[[], Runs], target: str, role: str) -> int:
    """Run a prober until SIGTERM or SIGINT, to its end. The exit code: 0, or 1 if the target has no address."""
    try:
        prober = build()
    except ResolveError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: prober.stop())
    ask_for_short_slice()
    prober.run(target=target, role=role)
    return 0


def main(arguments: Sequence[str]) -> int:
    """Probe as the options say; the exit code."""
    options = parse(arguments)
    return until_told(lambda: build(options), options.target, options.role)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
