"""Each client against one plain server: processor time a request, lag, and what it tells of broken requests."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .peers import WORKLOADS, Asked, Peer

FAULTS = ("--every", "5", "--faults", "fin,rst")


class Cost(NamedTuple):
    """What a client took at a rate, its start-up taken off."""

    requests: int
    cpu_s: float
    lag_p99_ms: float | None

    @property
    def per_cpu_second(self) -> float:
        """Requests for one second of processor time."""
        return self.requests / max(self.cpu_s, 1e-9)


class Breaks(NamedTuple):
    """Broken requests: what the server did, what the client told."""

    broken: int
    seen: int


@contextlib.contextmanager
def server(*faults: str) -> Iterator[tuple[str, "list[dict[str, Any]]"]]:
    """The fault server as a process of its own: where it is, and its lines once the block has ended."""
    lines: list[dict[str, Any]] = []
    process = subprocess.Popen([sys.executable, "-m", "workloads.faults", *faults], stdout=subprocess.PIPE)
    assert process.stdout
    try:
        yield f"127.0.0.1:{json.loads(process.stdout.readline())['port']}", lines
    finally:
        process.terminate()
        lines += [json.loads(line) for line in process.stdout]
        process.wait()


def run(command: Sequence[str]) -> tuple[bytes, float]:
    """A client's output and the processor time of it and of all that it started, in seconds."""
    process = subprocess.Popen(command, cwd=WORKLOADS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    output = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    return output, usage.ru_utime + usage.ru_stime


def cost(peer: Peer, rate: int, seconds: float) -> Cost:
    """Run it for a while, and once for a moment, whose processor time is its start-up."""
    with server() as (target, _):
        _, base_s = run(peer.command(Asked(target, rate, max(1, rate // 10))))
        asked = Asked(target, rate, round(rate * seconds))
        output, cpu_s = run(peer.command(asked))
    seen = peer.read(output, asked)
    started = max(1, rate // 10) if peer.paced else round(seen.requests * 0.1 / seconds)
    lag = float(np.percentile(seen.lags_ms, 99)) if seen.lags_ms else None
    return Cost(seen.requests - started, cpu_s - base_s, lag)


def breaks(peer: Peer, rate: int = 200, count: int = 600) -> Breaks:
    """Every fifth request, on reused connections if there are such, is ended by FIN or RST, in turn."""
    with server(*FAULTS, *(["--reused"] if peer.keeps else [])) as (target, lines):
        asked = Asked(target, rate, count)
        output, _ = run(peer.command(asked))
    return Breaks(lines[-1]["broken"], peer.read(output, asked).broken)
