"""What a generator writes: JSON lines on standard output, in the shape that the harness's records have."""

import json
import os
import sys
import time
from collections.abc import Callable

LINE_LIMIT = 12_000  # the kubelet splits a log line at 16 KiB; the rest is room for the envelope
FLUSH_NS = 200_000_000
Row = tuple[int, int, int | None, int, str, str, str, int, str, str, int]
Beat = tuple[int, str, int, int]

SHIFT = "SURVIVE_CLOCK_SHIFT_MS"
"""An environment variable: how far ahead the clock is to be, as that of a node is which is set wrongly."""

_wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns() + round(float(os.environ.get(SHIFT, "0")) * 1_000_000)


def wall_ns(monotonic_ns: int) -> int:
    """A reading of the monotonic clock as nanoseconds since the epoch, on this process's one anchor."""
    return _wall_minus_monotonic_ns + monotonic_ns


def to_stdout(line: bytes) -> None:
    """Write all of a line, past any buffer, so that a kill loses nothing that was said."""
    to_descriptor(sys.stdout.fileno())(line)


def to_descriptor(descriptor: int) -> Callable[[bytes], None]:
    """What writes whole lines to an open file."""

    def write(line: bytes) -> None:
        while line:
            line = line[os.write(descriptor, line) :]

    return write


def json_line(kind: str, t_ns: int, **values: object) -> bytes:
    """One line, with its newline."""
    return json.dumps({"kind": kind, "t_ns": t_ns, **values}, separators=(",", ":")).encode() + b"\n"


class Rows:
    """One probe's rows, written in numbered batches. Moments given to it are readings of the monotonic clock, ns.

    A row is only kept when it is added, within a request's path; it is put into words when its batch is written, which
    a loop does when it has nothing else to do.
    """

    def __init__(self, probe: str, write: Callable[[bytes], None] = to_stdout, kind: str = "requests") -> None:
        self.probe = probe
        self._kind = kind
        self.batches = 0
        self._write = write
        self._pending: list[Row | Beat] = []
        self._since_ns = 0

    def begin(
        self, start_ns: int, *, interval_ns: int, deadline_ns: int, target: str, role: str, loop: str = "open"
    ) -> None:
        """The first line: request n is due at start_ns + n * interval_ns; in a closed loop when it is sent."""
        self._write(
            json_line(
                "probe", wall_ns(start_ns), probe=self.probe, interval_ns=interval_ns, deadline_ns=deadline_ns,
                target=target, role=role, loop=loop,
            )
        )  # fmt: skip

    def add(self, row: Row | Beat, now_ns: int) -> None:
        """Keep a row until its batch is old. Its first moment comes monotonic and is written as wall time."""
        if not self._pending:
            self._since_ns = now_ns
        self._pending.append(row)

    def flush_if_old(self, now_ns: int) -> None:
        """Write what is pending once its first row has waited long enough."""
        if self._pending and now_ns - self._since_ns >= FLUSH_NS:
            self.flush(now_ns)

    def flush(self, now_ns: int) -> None:
        """Write what is pending, in as many batches as the lines' limit asks for."""
        rows, self._pending = self._pending, []
        texts: list[str] = []
        size = 0
        for row in rows:
            text = json.dumps((wall_ns(row[0]), *row[1:]), separators=(",", ":"))
            if texts and size + len(text) >= LINE_LIMIT:
                self._write_batch(texts, now_ns)
                texts, size = [], 0
            texts.append(text)
            size += len(text) + 1
        if texts:
            self._write_batch(texts, now_ns)

    def _write_batch(self, texts: list[str], now_ns: int) -> None:
        head = json_line(self._kind, wall_ns(now_ns), probe=self.probe, seq=self.batches)[:-2]
        self._write(head + b',"rows":[' + ",".join(texts).encode() + b"]}\n")
        self.batches += 1

    def end(self, scheduled: int) -> None:
        """The last line: how many requests were due, and how many batches were written."""
        now_ns = time.monotonic_ns()
        self.flush(now_ns)
        self._write(
            json_line("probe-end", wall_ns(now_ns), probe=self.probe, scheduled=scheduled, batches=self.batches)
        )


class NoiseMeter:
    """Writes about once a second how busy the machine is."""

    def __init__(self, write: Callable[[bytes], None] = to_stdout, pressure: str = "/proc/pressure/cpu") -> None:
        self._write = write
        self._pressure = pressure
        self._due_ns = 0

    def look(self, now_ns: int) -> None:
        """Write a line if the last is a second old."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + 1_000_000_000
        self._write(
            json_line("noise", wall_ns(now_ns), cpu_pressure=cpu_pressure(self._pressure), load_1m=os.getloadavg()[0])
        )


def cpu_pressure(path: str) -> float | None:
    """The share of the last 10 s in which some task waited for a CPU, 0 to 1; None where the kernel does not tell."""
    try:
        with open(path) as file:  # noqa: PTH123 - pathlib would cost a tenth of the whole start-up
            first = file.readline()
    except OSError:
        return None
    fields = dict(field.split("=") for field in first.split()[1:])
    return float(fields["avg10"]) / 100 if "avg10" in fields else None
