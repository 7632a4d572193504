"""What a person sees while something long runs: each stage with its time, and how far it is."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TextIO

PLAIN_EVERY_S = 20.0


class Progress:
    """Prints stages to a stream: on a terminal one line that moves, elsewhere a line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._started_s = 0.0
        self._said_s = 0.0
        self._name = ""

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator["Progress"]:
        """Everything inside is one stage; its time is printed at its end, `failed` if it raised."""
        self._name, self._started_s = name, time.monotonic()
        self._said_s = self._started_s
        if self._moving:
            self._write(f"\r  … {name}\x1b[K")
        try:
            yield self
        except BaseException:
            self._end("✗", " failed")
            raise
        self._end("✓", "")

    def update(self, text: str) -> None:
        """How far the stage is."""
        now_s = time.monotonic()
        elapsed = f"{now_s - self._started_s:.0f} s"
        if self._moving:
            self._write(f"\r  … {self._name}: {text} ({elapsed})\x1b[K")
        elif now_s - self._said_s >= PLAIN_EVERY_S:
            self._said_s = now_s
            self._write(f"  … {self._name}: {text} ({elapsed})\n")

    def note(self, text: str) -> None:
        """A line of its own."""
        self._write(f"{text}\n")

    def _end(self, mark: str, what: str) -> None:
        start = "\r" if self._moving else ""
        end = "\x1b[K\n" if self._moving else "\n"
        self._write(f"{start}  {mark} {self._name}{what} ({time.monotonic() - self._started_s:.1f} s){end}")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
