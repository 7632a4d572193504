"""A user's own locustfile, unchanged, run by Locust's own command: each request that it tells of becomes a row.

Everything after `--` is Locust's: its files, users, master. Users are a closed loop, so a row's scheduled time is the
moment at which its request began: a stall shows as one late request for each user, not as all who would have come.
A request counts as good or bad as Locust counts it (`catch_response` too). The silent retries of FastHttpUser's
client are switched off, and so are those that a locustfile asks of it by `max_retries`.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

import locust.main  # first: locust patches what the imports below would otherwise have bound

# isort: split
import gevent
import geventhttpclient.client
import geventhttpclient.useragent

from .answer import POD_LIMIT
from .clients import judge
from .rows import Row, Rows, to_descriptor

NS_PER_S = 1_000_000_000
FLUSH_EVERY_S = 0.1
RETRIES = (
    (geventhttpclient.client, "_may_retry_after_send_error"),
    (geventhttpclient.useragent.UserAgent, "_may_retry"),
)
"""What decides whether geventhttpclient sends a request a second time; it has no setting for the first."""

UNWANTED = ("HTTPError", "LocustBadStatusCode", "CatchResponseError")
"""What Locust raises over an answer that came whole."""


def forbid_retries() -> None:
    """Let geventhttpclient send each request once. Raises AttributeError where it is not built as known here."""
    for place, name in RETRIES:
        getattr(place, name)
        setattr(place, name, lambda *_: False)


class Told:
    """Makes rows of what Locust's request event tells."""

    def __init__(self, rows: Rows, target: str) -> None:
        self.count = 0
        self._rows = rows
        self._target = target
        self._begun = False

    def begin(self, **_: object) -> None:
        """A test starts: the first line. Later starts of the same process add to the same rows."""
        if not self._begun:
            self._begun = True
            self._rows.begin(
                time.monotonic_ns(), interval_ns=0, deadline_ns=0, target=self._target, role="load", loop="closed"
            )

    def request(
        self, response_time: float, exception: BaseException | None, start_time: float = 0.0, response: object = None,
        **_: object,
    ) -> None:  # fmt: skip
        """One request has come to its end. Locust gives its start as wall time and its length in milliseconds."""
        self.begin()
        now_ns = time.monotonic_ns()
        took_ns = round((response_time or 0.0) * 1_000_000)
        since_ns = time.time_ns() - round(start_time * NS_PER_S) if start_time else took_ns
        status = getattr(response, "status_code", None) or 0
        whole = bool(status) and not self._broken(exception)
        elapsed = getattr(response, "elapsed", None)
        first_ns = round(elapsed.total_seconds() * NS_PER_S) if status and isinstance(elapsed, timedelta) else None
        fields = getattr(response, "headers", None) or {}
        pod = str(fields.get("X-Pod") or "")[:POD_LIMIT]
        # Locust does not tell which connection was used: id and use are left empty.
        failure = judge(exception, int(status), whole=whole)
        row: Row = (now_ns - since_ns, 0, first_ns, took_ns, *failure, int(status), pod, "", 0)
        self._rows.add(row, now_ns)
        self.count += 1

    def flush(self) -> None:
        """Write rows as they get old, for ever."""
        while True:
            gevent.sleep(FLUSH_EVERY_S)
            self._rows.flush_if_old(time.monotonic_ns())

    def end(self) -> None:
        """The last line."""
        self.begin()
        self._rows.end(self.count)

    @staticmethod
    def _broken(exception: BaseException | None) -> bool:
        """Whether an answer whose head came was cut, not merely unwanted."""
        return exception is not None and type(exception).__name__ not in UNWANTED


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command line: ours, and Locust's after `--`."""
    parser = argparse.ArgumentParser(prog="load.users", allow_abbrev=False)
    parser.add_argument("--probe", default="users", help="the load's name in the history")
    parser.add_argument("--target", default="", help="where the requests go, for the history; Locust has --host")
    parser.add_argument("locust", nargs="*", help="Locust's own arguments, after --")
    options = parser.parse_args(arguments)
    return options, options.locust


def main(arguments: Sequence[str]) -> int:
    """Run Locust to its end. Returns its exit code."""
    options, sys.argv[1:] = parse(arguments)
    # The rows have standard output for themselves: what Locust or the locustfile print goes to standard error.
    told = Told(Rows(options.probe, to_descriptor(os.dup(sys.stdout.fileno()))), options.target)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    forbid_retries()
    locust.events.test_start.add_listener(told.begin)
    locust.events.request.add_listener(told.request)
    flusher = gevent.spawn(told.flush)
    try:
        locust.main.main()
    except SystemExit as exc:
        code = exc.code
    flusher.kill()
    told.end()
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
