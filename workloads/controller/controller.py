"""The controller: a candidate for a Lease that works, one line at a time, while it leads.

It stands alone in a container. Each moment of its life is one JSON line on standard output, kind app; each piece of
work is a line of kind work with its identity, its number in this process and the lease's transitions.
"""

import argparse
import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from .election import Election, LeaseStore, Timing
from .lease import ACCOUNT, KubeLease
from .said import now_ns, say, write

Deliver = Callable[[str, int, int], None]
"""Does one piece of work, given the identity, the piece's number and the lease's term."""


def tell(identity: str, seq: int, term: int) -> None:
    """Work that is done by telling of it."""
    write("work", identity=identity, seq=seq, term=term)


class Receiver:
    """Work that is done by handing it to another, who may refuse it: see `receiver`. The term is the fencing token."""

    def __init__(self, address: str, timeout_s: float = 1.0) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=timeout_s)

    def __call__(self, identity: str, seq: int, term: int) -> None:
        """Hand one piece over. It is never sent twice; whether it was taken is the receiver's to tell."""
        try:
            self._connection.request("POST", f"/work?identity={identity}&seq={seq}&term={term}")
            self._connection.getresponse().read()
        except (OSError, http.client.HTTPException) as exc:
            self._connection.close()
            say("undelivered", seq=seq, error=str(exc))


class Worker:
    """Works at fixed moments while `run` runs. A tick missed while the process stood still is work not done."""

    def __init__(self, election: Election, every_s: float, deliver: Deliver, *, fenced: bool) -> None:
        self._election = election
        self._deliver = deliver
        self._every_s = every_s
        self._fenced = fenced
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._term = 0
        self.done = 0

    def start(self) -> None:
        """Begin to work, in a thread of its own, in the term that was just begun."""
        self._term = self._election.term
        self._thread.start()

    def ask_stop(self) -> None:
        """No further work after the piece at hand."""
        self._stop.set()

    def join(self) -> None:
        """Return once no more work is done, also if none was ever begun."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.is_set():  # also before the first piece: the signal may have come already
            if not self._fenced or self._election.may_work:
                self.done += 1
                self._deliver(self._election.identity, self.done, self._term)
            due_s += self._every_s
            late_s = time.monotonic() - due_s
            if late_s > 0:
                due_s += late_s - late_s % self._every_s
            self._stop.wait(max(0.0, due_s - time.monotonic()))


class Controller:
    """One replica's life: candidate, leader, end."""

    def __init__(self, options: argparse.Namespace, store: LeaseStore) -> None:
        self._options = options
        self._stop = threading.Event()
        self._identity = f"{options.pod}_{os.urandom(8).hex()}"
        self._election = Election(store, self._identity, options.timing, clock=time.monotonic, wall_ns=now_ns)
        deliver = Receiver(options.receiver) if options.receiver else tell
        self._worker = Worker(self._election, options.work_every_ms / 1000, deliver, fenced=options.fence)

    def on_signal(self, number: int, _frame: object) -> None:
        """SIGTERM or SIGINT: work stops before anything else, unless the wrong order was asked for."""
        say("signal", signal=signal.Signals(number).name)
        if not self._options.release_first:
            self._worker.ask_stop()
        self._stop.set()

    def run(self) -> int:
        """Returns the exit code: 0 after a signal, 1 after the lease was lost, as client-go's users do."""
        say("candidate", identity=self._identity)
        if not self._follow(self._election.acquire()):
            return 0
        say("acquired", identity=self._identity, term=self._election.term)
        self._worker.start()
        lost = self._follow(self._election.hold())
        if self._options.release_first and not lost:
            self._release()
            time.sleep(self._options.linger_s)
        if lost and self._options.careless:
            say("careless", linger_s=self._options.linger_s)
            self._stop.wait(self._options.linger_s)
        self._worker.join()
        if lost:
            say("lost", holder=self._election.holder, error=self._election.last_error, work=self._worker.done)
        if self._options.release and not self._options.release_first:
            self._release()
        return 1 if lost else 0

    def _follow(self, waits: Iterator[float]) -> bool:
        """Go through an election's waits; False if a signal came first."""
        return all(not self._stop.wait(wait_s) for wait_s in waits)

    def _release(self) -> None:
        say("released", ok=self._election.release(), error=self._election.last_error)


def serve_health(port: int) -> None:
    """Answer 200 to every request on the port, from a thread: whoever elects well is ready, leader or not."""
    listener = socket.create_server(("", port))

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(1)
                try:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
                except OSError as exc:
                    say("health-failed", error=str(exc))

    threading.Thread(target=serve, daemon=True).start()
    say("ready", port=listener.getsockname()[1])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; the defaults are client-go's, with the release on exit that its users often forget off."""
    parser = argparse.ArgumentParser(prog="controller", allow_abbrev=False)
    add = parser.add_argument
    add("--lease", required=True, help="the Lease's name")
    add("--namespace", help="default: the ServiceAccount's")
    add("--lease-s", type=float, default=15.0)
    add("--renew-s", type=float, default=10.0)
    add("--retry-s", type=float, default=2.0)
    add("--release", action=argparse.BooleanOptionalAction, default=False, help="give the lease up on exit")
    add("--release-first", action="store_true", help="the mistake: give the lease up, and work on for --linger-s")
    add("--careless", action="store_true", help="the mistake: work on for --linger-s once the lease is lost")
    add("--linger-s", type=float, default=1.0)
    add("--fence", action="store_true", help="refuse work once the renew deadline has passed since the last renewal")
    add("--receiver", metavar="HOST:PORT", help="hand the work to `controller.receiver`, with the term as its token")
    add("--work-every-ms", type=float, default=20.0)
    add("--port", type=int, default=8080, help="for /readyz and /livez")
    options = parser.parse_args(arguments)
    try:
        options.timing = Timing(options.lease_s, options.renew_s, options.retry_s)
    except ValueError as exc:
        parser.error(str(exc))
    if options.work_every_ms <= 0:
        parser.error("--work-every-ms is above 0")
    options.pod = os.environ.get("POD_NAME", socket.gethostname())
    return options


def main(arguments: Sequence[str], open_store: Callable[[str, str], LeaseStore] = KubeLease) -> int:
    """Run one replica. Returns its exit code."""
    options = parse(arguments)
    namespace = options.namespace or (ACCOUNT / "namespace").read_text().strip()
    controller = Controller(options, open_store(namespace, options.lease))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, controller.on_signal)
    say("started", pid=os.getpid(), pod=options.pod)
    serve_health(options.port)
    code = controller.run()
    say("exit", code=code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
