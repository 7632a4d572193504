"""When which fault comes: pure decisions on moments and counts."""

import random
from collections.abc import Sequence
from typing import NamedTuple

NS_PER_MS = 1_000_000
REQUEST_FAULTS = ("fin", "rst", "truncated", "503", "stall", "goaway")
FAULTS = (*REQUEST_FAULTS, "refuse")


class Window(NamedTuple):
    """A fault from a moment on, until another; nanoseconds after the server's start."""

    fault: str
    start_ns: int
    end_ns: int

    @classmethod
    def parse(cls, text: str) -> "Window":
        """FAULT:START_MS:LENGTH_MS, both with fractions. Raises ValueError."""
        fault, start, length = text.split(":")
        if fault not in FAULTS or float(start) < 0 or float(length) <= 0:
            raise ValueError(f"a window is FAULT:START_MS:LENGTH_MS with a fault of {', '.join(FAULTS)}, not {text!r}")
        start_ns = round(float(start) * NS_PER_MS)
        return cls(fault, start_ns, start_ns + round(float(length) * NS_PER_MS))


class Schedule:
    """Which fault a request meets.

    `every` n-th request has one of `faults`, in turn; with `reused` only those are counted that come on a connection
    which has served one before. Whatever the counts, a request within a window has that window's fault. Of the
    connections one in `one_of`, by chance, is hit, as one backend of so many would be behind a Service; the listener's
    fault hits all.
    """

    def __init__(
        self, *, every: int = 0, faults: Sequence[str] = (), reused: bool = False, windows: Sequence[Window] = (),
        one_of: int = 1,
    ) -> None:  # fmt: skip
        if every and not faults:
            raise ValueError("every n-th request needs a fault")
        if unknown := {*faults, *(one.fault for one in windows)} - set(FAULTS):
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        if "refuse" in faults:
            raise ValueError("refuse is a fault of the listener: it needs a window")
        self.windows = sorted(windows, key=lambda window: window.start_ns)
        self._every = every
        self._faults = faults
        self._reused = reused
        self._one_of = one_of
        self._counted = 0
        self._next = 0

    def at(self, moment_ns: int, connection: int, use: int) -> tuple[str, int]:
        """The fault of a request that came at this moment (empty for none), and when a window of it ends (0: none).

        To be asked once for each request. Connections count from 0, `use` a connection's requests from 1.
        """
        if self._one_of > 1 and backend(connection, self._one_of):
            return "", 0
        while self._next < len(self.windows) and self.windows[self._next].end_ns <= moment_ns:
            self._next += 1
        for window in self.windows[self._next :]:
            if window.start_ns > moment_ns:
                break
            if window.fault != "refuse" and moment_ns < window.end_ns:
                return window.fault, window.end_ns
        return self._by_count(use), 0

    def _by_count(self, use: int) -> str:
        if not self._every or (self._reused and use < 2):
            return ""
        self._counted += 1
        if self._counted % self._every:
            return ""
        return self._faults[(self._counted // self._every - 1) % len(self._faults)]


def backend(connection: int, count: int) -> int:
    """Which of `count` backends a connection has: by chance, as kube-proxy chooses, and the same at each call."""
    return random.Random(connection).randrange(count)  # noqa: S311 - no secret
