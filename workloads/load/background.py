"""Background load by Locust, as a library in a process of its own: an open loop, alone or as one worker of several.

Locust's own loop waits for each answer, so a stall hides the users who would have come meanwhile. Here a request is due
at each tick of an absolute schedule, and its latency counts from the tick. Locust's clients are not used: FastHttpUser
sends a request again, silently, when a kept-alive connection turns out to be closed, and HttpUser costs a
millisecond of processor time for each request.

As a worker (`--master HOST:PORT --workers N`) it takes every N-th tick, begins and ends when a plain Locust master says
so, and writes its own rows; the master sums up Locust's statistics.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence

from locust.env import Environment  # first: locust patches what the imports below would otherwise have bound

# isort: split
import gevent
import gevent.event
from locust.event import Events

from .answer import statuses
from .exchange import Exchange, Request, message
from .openloop import OpenLoop
from .resolve import ResolveError, resolve_once, split
from .rows import Rows
from .shopper import Shopper
from .ticks import NS_PER_S, share

START_AFTER_NS = NS_PER_S // 100


class Worker:
    """What a Locust master commands: waits for its word, and is over when it says so."""

    def __init__(self, environment: Environment, master: str) -> None:
        self._started = gevent.event.Event()
        environment.events.test_start.add_listener(lambda **_: self._started.set())
        self._runner = environment.create_worker_runner(*split(master))
        self._over = gevent.spawn(self._runner.greenlet.join)

    def wait(self, stopping: gevent.event.Event) -> int:
        """Wait for the master's start, or its end. Returns the worker's index, from 0; -1 if the master never told."""
        gevent.wait([self._started, stopping, self._over], count=1)
        return int(self._runner.worker_index)

    def link(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the master ends it."""
        self._over.link(lambda _: stop())

    def quit(self) -> None:
        """Send the last statistics and leave."""
        self._runner.quit()


def tell(environment: Environment, method: str, path: str) -> Callable[[Exchange], None]:
    """What hands each request to Locust's request event, for its statistics and for whoever listens."""

    def told(exchange: Exchange) -> None:
        failed = f"{exchange.phase} {exchange.error}" if exchange.outcome != "ok" else ""
        environment.events.request.fire(
            request_type=method, name=path, response_time=(exchange.end_ns - exchange.scheduled_ns) / 1e6,
            response_length=0, exception=ConnectionError(failed) if failed else None, context={},
        )  # fmt: skip

    return told


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="load.background", allow_abbrev=False)
    add = parser.add_argument
    add("--probe", default="locust", help="the load's name in the history")
    add("--target", required=True, help="HOST:PORT")
    add("--role", choices=("measure", "control", "load"), default="load")
    add("--rate", type=float, default=20.0, help="requests a second, of all workers together")
    add("--users", type=int, default=10, help="how many come in turn, each with a kept-alive connection")
    add("--deadline-s", type=float, default=5.0)
    add("--method", default="GET")
    add("--path", default="/")
    add("--header", action="append", default=[], help="NAME:VALUE; repeatable")
    add("--body", default="", help="sent as UTF-8, with its length")
    add("--expect-status", type=statuses, default=(200,), help="of a good answer; several by commas")
    add("--count", type=int, default=0, help="end after so many requests; 0: go on until SIGTERM")
    add("--master", default="", help="HOST:PORT of a Locust master that commands this worker")
    add("--workers", type=int, default=1, help="how many workers share the rate")
    options = parser.parse_args(arguments)
    try:
        split(options.target)
        split(options.master or options.target)
    except ValueError as exc:
        parser.error(str(exc))
    if options.rate <= 0 or options.deadline_s <= 0 or options.users < 1 or options.count < 0 or options.workers < 1:
        parser.error("rate, deadline, users and workers are above 0, the count is not below")
    if options.workers > 1 and not options.master:
        parser.error("several workers need a master, which gives each its share")
    if any(":" not in field for field in options.header):
        parser.error("a header is NAME:VALUE")
    return options


def request(options: argparse.Namespace) -> Request:
    """The bytes of each request."""
    data = message(options.method, options.path, options.target, options.header, options.body.encode())
    return Request(options.method, data, options.expect_status)


def run(options: argparse.Namespace, loop: OpenLoop, rows: Rows, worker: Worker | None) -> None:
    """Load at this process's share of the rate, once the master says so if there is one."""
    index = worker.wait(loop.stopping) if worker else 0
    ticks = share(
        time.monotonic_ns() + START_AFTER_NS, round(NS_PER_S / options.rate), index, options.workers, options.count
    )
    rows.begin(
        ticks.due_ns, interval_ns=ticks.interval_ns, deadline_ns=round(options.deadline_s * NS_PER_S),
        target=options.target, role=options.role,
    )  # fmt: skip
    if worker:
        worker.link(loop.stop)
    loop.run(ticks)
    if worker:
        worker.quit()


def main(arguments: Sequence[str]) -> int:
    """Load until SIGTERM, SIGINT or the master's end. Returns the exit code: 1 if the target has no address."""
    options = parse(arguments)
    rows = Rows(options.probe)
    environment = Environment(user_classes=[Shopper], events=Events())
    try:
        address = resolve_once(*split(options.target))
    except ResolveError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    worker = Worker(environment, options.master) if options.master else None
    loop = OpenLoop(
        request(options), address, rows, deadline_ns=round(options.deadline_s * NS_PER_S),
        connections=options.users, told=tell(environment, options.method, options.path) if worker else None,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, loop.stop)
    run(options, loop, rows, worker)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
