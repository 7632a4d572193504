"""Background load by Locust, as a library in a process of its own: an open loop of its users' requests.

Locust's own loop waits for each answer, so a stall hides the users who would have come meanwhile. Here a request is due
at each tick of an absolute schedule, in a greenlet of its own, and its latency counts from the tick. The users are
HttpUser (requests and urllib3 with no retries): FastHttpUser sends a request again, silently, when a kept-alive
connection turns out to be closed. Processor time at 20 a second on one machine: 0.03 of a core.
"""

import argparse
import collections
import http.client
import signal
import sys
import time
from collections.abc import Iterator, Sequence

from locust import HttpUser  # first: it patches what the imports below would otherwise have bound
from locust.env import Environment

# isort: split
import gevent  # type: ignore[import-untyped] # it publishes no types
import gevent.event  # type: ignore[import-untyped]
import requests
import urllib3.exceptions

from .answer import POD_LIMIT
from .exchange import ERRORS, OWN_FAULT
from .resolve import split
from .rows import Row, Rows

NS_PER_S = 1_000_000_000
FLUSH_EVERY_S = 0.1
Failure = tuple[str, str, str]


KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (http.client.RemoteDisconnected, "closed"),
    (http.client.IncompleteRead, "truncated"),
    (http.client.HTTPException, "protocol"),
    (requests.Timeout, "timeout"),
    (TimeoutError, "timeout"),
    (gevent.Timeout, "timeout"),
)
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, gevent.Timeout)


class Shopper(HttpUser):
    """One of the app's users, who keeps a connection of their own."""

    abstract = False


class Background:
    """The open loop: `users` come in turn, one more comes where all are still waiting for an answer."""

    def __init__(self, options: argparse.Namespace, rows: Rows) -> None:
        self._options = options
        self._rows = rows
        Shopper.host = f"http://{options.target}"
        self._environment = Environment(user_classes=[Shopper])
        self._idle = collections.deque(self._user() for _ in range(options.users))
        self._stop = gevent.event.Event()
        self._under_way: set[gevent.Greenlet] = set()

    def _user(self) -> Shopper:
        user = Shopper(self._environment)
        user.client.headers.update(dict(field.split(":", 1) for field in self._options.header))
        return user

    def stop(self) -> None:
        """Schedule no more; `run` returns once nothing is under way."""
        self._stop.set()

    def run(self) -> None:
        """Send at each tick until `stop` or the count, then wait for what is under way until its deadline."""
        options = self._options
        interval_ns = round(NS_PER_S / options.rate)
        start_ns = time.monotonic_ns() + NS_PER_S // 100
        self._rows.begin(
            start_ns, interval_ns=interval_ns, deadline_ns=round(options.deadline_s * NS_PER_S),
            target=options.target, role=options.role,
        )  # fmt: skip
        flusher = gevent.spawn(self._flush)
        scheduled = 0
        while not options.count or scheduled < options.count:
            due_ns = start_ns + scheduled * interval_ns
            # Zero yields too, so that answers are read while the schedule catches up.
            if self._stop.wait(max(0.0, (due_ns - time.monotonic_ns()) / NS_PER_S)):
                break
            scheduled += 1
            greenlet = gevent.spawn(self._request, due_ns)
            self._under_way.add(greenlet)
            greenlet.link(self._under_way.discard)
        gevent.joinall(list(self._under_way))
        flusher.kill()
        self._rows.end(scheduled)

    def _flush(self) -> None:
        while True:
            gevent.sleep(FLUSH_EVERY_S)
            self._rows.flush_if_old(time.monotonic_ns())

    def _request(self, due_ns: int) -> None:
        user = self._idle.popleft() if self._idle else self._user()
        sent_ns = time.monotonic_ns()
        head = Head(due_ns)
        deadline_s = self._options.deadline_s
        error: BaseException | None
        try:
            # The client bounds each step and so knows which one it was; the greenlet bounds a body that trickles.
            with gevent.Timeout(deadline_s * 1.1):
                error = user.client.get(
                    self._options.path, allow_redirects=False, timeout=deadline_s, hooks={"response": head.note}
                ).error
        except gevent.Timeout as exc:
            error = exc
        end_ns = time.monotonic_ns()
        failure = judge(error, head, self._options.expect_status)
        # The client does not tell which connection it used: id and use are left empty.
        row: Row = (due_ns, sent_ns - due_ns, head.first_ns, end_ns - due_ns, *failure, head.status, head.pod, "", 0)
        self._rows.add(row, end_ns)
        self._idle.append(user)


class Head:
    """What the head of an answer told, and when it came: ns after `due_ns`, None until then."""

    def __init__(self, due_ns: int) -> None:
        self._due_ns = due_ns
        self.first_ns: int | None = None
        self.status = 0
        self.pod = ""

    def note(self, answer: requests.Response, **_: object) -> None:
        """The client's hook: the head is there, the body is not read yet."""
        self.first_ns = time.monotonic_ns() - self._due_ns
        self.status = answer.status_code
        self.pod = answer.headers.get("X-Pod", "")[:POD_LIMIT]


def judge(error: BaseException | None, head: Head, expect: int) -> Failure:
    """Outcome, phase and error of a request, by what the client raised and by the head of the answer."""
    causes = list(chain(error))
    # An unexpected status is an exception of the client too, after the whole answer has come.
    if head.status and not any(isinstance(cause, BROKEN) for cause in causes):
        return ("ok", "", "") if head.status == expect else ("failed", "first_byte", "status")
    phase = "body" if head.status else phase_of(causes)
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in OWN_FAULT:
            return "unknown", phase, "other"
        if isinstance(cause, OSError) and cause.errno in ERRORS:
            return "failed", phase, ERRORS[cause.errno]
        name = next((name for kind, name in KINDS if isinstance(cause, kind)), "")
        if name:
            return "failed", phase, name
    return "failed", phase, "other"


def chain(error: object) -> Iterator[BaseException]:
    """An exception and those it stands for: requests and urllib3 keep them as arguments and as `reason`."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            pending += [getattr(item, "reason", None), *item.args, item.__cause__, item.__context__]
            yield item


def phase_of(causes: Sequence[BaseException]) -> str:
    """Where a request without an answer failed, as far as the client's exceptions tell."""

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if has(urllib3.exceptions.NameResolutionError):
        return "dns"
    if has(urllib3.exceptions.NewConnectionError, requests.ConnectTimeout):
        return "connect"
    return "write" if has(BrokenPipeError) else "first_byte"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="load.background", allow_abbrev=False)
    add = parser.add_argument
    add("--probe", default="locust", help="the load's name in the history")
    add("--target", required=True, help="HOST:PORT")
    add("--role", choices=("measure", "control", "load"), default="load")
    add("--rate", type=float, default=20.0, help="requests a second")
    add("--users", type=int, default=10, help="how many come in turn, each with a kept-alive connection")
    add("--deadline-s", type=float, default=5.0)
    add("--path", default="/")
    add("--header", action="append", default=[], help="NAME:VALUE; repeatable")
    add("--expect-status", type=int, default=200)
    add("--count", type=int, default=0, help="end after so many requests; 0: go on until SIGTERM")
    options = parser.parse_args(arguments)
    try:
        split(options.target)
    except ValueError as exc:
        parser.error(str(exc))
    if options.rate <= 0 or options.deadline_s <= 0 or options.users < 1 or options.count < 0:
        parser.error("rate, deadline and users are above 0, the count is not below")
    if any(":" not in field for field in options.header):
        parser.error("a header is NAME:VALUE")
    return options


def main(arguments: Sequence[str]) -> int:
    """Load until SIGTERM or SIGINT. Returns the exit code."""
    options = parse(arguments)
    background = Background(options, Rows(options.probe))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, background.stop)
    background.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
