"""The truth of a fault server: what it was asked, and what it did to it."""

import threading
from collections import Counter
from typing import NamedTuple


class Hit(NamedTuple):
    """A request that met a fault: when its last byte had come (monotonic clock, ns), and on which connection."""

    at_ns: int
    fault: str
    connection: int
    use: int


class Ledger:
    """Counts of one server. A stall is a late answer and breaks nothing; every other fault breaks its request."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.reused = 0
        self.hits: list[Hit] = []
        self._more = threading.Condition()

    def asked(self, use: int) -> None:
        """A whole request has come."""
        with self._more:
            self.requests += 1
            self.reused += use > 1
            self._more.notify_all()

    def wait(self, requests: int, timeout_s: float) -> None:
        """Wait, in another thread than the server's, until so many requests have come. Raises TimeoutError."""
        with self._more:
            if not self._more.wait_for(lambda: self.requests >= requests, timeout_s):
                raise TimeoutError(f"{self.requests} of {requests} requests came within {timeout_s:g} s")

    def hit(self, hit: Hit) -> None:
        """A request meets a fault."""
        self.hits.append(hit)

    @property
    def by_fault(self) -> dict[str, int]:
        """How many requests met each fault."""
        return dict(Counter(hit.fault for hit in self.hits))

    @property
    def broken(self) -> int:
        """How many requests have had no good answer."""
        return sum(hit.fault != "stall" for hit in self.hits)
