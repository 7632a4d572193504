"""Who receives the leader's work, and refuses that of a replaced leader: the fencing token is the lease's term.

POST /work?identity=I&seq=N&term=T is accepted (200, and told as a line of kind work) unless a higher term was seen
before: then 409. All moments are this process's own, so that no two clocks are compared.
"""

import argparse
import os
import sys
import threading
import urllib.parse
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .said import say, write


class Fence:
    """The highest term so far; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._highest = -1
        self._refused: set[tuple[str, int]] = set()

    def take(self, identity: str, seq: int, term: int) -> bool:
        """Whether a piece of work is accepted, and so done. Each leader's first refusal is told."""
        with self._lock:
            if term >= self._highest:
                self._highest = term
                write("work", identity=identity, seq=seq, term=term)
                return True
            first = (identity, term) not in self._refused
            self._refused.add((identity, term))
        if first:
            say("refused", identity=identity, term=term, highest=self._highest)
        return False


class Handler(BaseHTTPRequestHandler):
    """One leader's connection, kept alive."""

    protocol_version = "HTTP/1.1"
    fence = Fence()

    def do_POST(self) -> None:
        """One piece of work."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        try:
            taken = self.fence.take(query["identity"], int(query["seq"]), int(query["term"]))
        except (KeyError, ValueError):
            self._answer(400)
        else:
            self._answer(200 if taken else 409)

    def do_GET(self) -> None:
        """The readiness probe's question."""
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Only what `write` writes is told."""


def main(arguments: Sequence[str]) -> None:
    """Receive until killed."""
    parser = argparse.ArgumentParser(prog="controller.receiver", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8080)
    server = ThreadingHTTPServer(("", parser.parse_args(arguments).port), Handler)
    say("started", pid=os.getpid(), port=server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
