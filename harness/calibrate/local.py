"""Trials on this machine: fault servers and probers as processes, a pair for each fault.

The prober is the file that runs in the load's pod.
"""

import json
import os
import pathlib
import random
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.calibrate.compare import Trial, Truth, trial
from harness.calibrate.plan import (
    DROPPED_SYN,
    FAULTS,
    GOAWAY,
    ONE_OF,
    ONE_OF_K,
    SPACING_MS,
    Effort,
    Span,
    spans,
)
from harness.calibrate.processes import PYTHON, ROOT, WORKLOADS, fault_server, history, process
from harness.errors import SurviveError
from harness.history import History
from harness.judge.noise import noise
from harness.records import Steady
from harness.wait import until

APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A network namespace without a name, which is gone with the last of its processes; they end with the first of them."""

WARM_NS = 700_000_000
"""So long before the first outage the measurement begins: less than the good time before it."""

TAIL_MS = 2500.0
"""How long the prober goes on after the last outage: beyond its deadline."""

AT_ONCE = 2 * len(os.sched_getaffinity(0)) + 1
"""Pairs at once: each takes about a tenth of a core, and none may wait for another."""

PROBE = "calibrate"
PORT = 18_080
"""In a network namespace of its own any port is free."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One fault server with the prober that asks it."""

    fault: str
    spans: list[Span]

    @property
    def probes(self) -> int:
        """How many requests the prober sends: from before the first outage until after the last."""
        return int((self.spans[-1].end_ms + TAIL_MS) / SPACING_MS)

    def windows(self) -> list[str]:
        """The fault server's arguments."""
        fault = {ONE_OF_K: "rst", GOAWAY: "goaway"}.get(self.fault, self.fault)
        found = [f"--window={fault}:{span.start_ms:.3f}:{span.length_ms:.3f}" for span in self.spans]
        return [*found, f"--one-of={ONE_OF}"] if self.fault == ONE_OF_K else found


def pairs(chance: random.Random, effort: Effort) -> list[Pair]:
    """A pair for each fault."""
    kinds = (*FAULTS, GOAWAY, DROPPED_SYN, ONE_OF_K)
    return [Pair(fault, spans(chance, [fault], effort.outages, effort.longest_ms)) for fault in kinds]


def left_out() -> dict[str, str]:
    """The faults that cannot be had here, each with its reason."""
    if os.geteuid():
        return {DROPPED_SYN: "it takes root to drop packets in a network namespace"}
    if missing := [name for name in ("unshare", "nft", "ip") if shutil.which(name) is None]:
        return {DROPPED_SYN: f"there is no {' and no '.join(missing)}"}
    return {}


def run(chosen: Sequence[Pair], folder: pathlib.Path) -> list[Trial]:
    """Run all pairs, some at once; their output is kept in the folder. Raises SurviveError where one ends badly."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda pair: _measure(pair, _place(pair, folder)), chosen))
    # Judged only now: this process must not take the processor from the probers.
    return [_judge(pair, _place(pair, folder)) for pair in chosen]


def _place(pair: Pair, folder: pathlib.Path) -> pathlib.Path:
    return folder / pair.fault.replace(" ", "-")


def _measure(pair: Pair, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    (_dropped if pair.fault == DROPPED_SYN else _asked)(pair, folder)


def _judge(pair: Pair, folder: pathlib.Path) -> Trial:
    truths = _truths(folder / "faults", pair.fault)
    if len(truths) != len(pair.spans):
        raise SurviveError(f"{pair.fault}: the fault server told of {len(truths)} outages of {len(pair.spans)}")
    seen = measured(history(folder / "probe"), truths)
    return trial(seen.requests(PROBE), truths, noise(seen, needs_control=False))


def measured(seen: History, truths: Sequence[Truth]) -> History:
    """The history with its warm-up set apart: while all these processes start, none is on time."""
    return History(seen.scenario, [*seen.records, Steady(truths[0].start_ns - WARM_NS)])


def _asked(pair: Pair, folder: pathlib.Path) -> None:
    """A server and a prober on the loopback interface."""
    with fault_server(pair.windows(), folder) as port:
        with process(_prober(pair, port), folder / "probe", WORKLOADS) as prober:
            prober.wait(_patience_s(pair))
        # The last window is told at its end, which the prober outlasts.
        told = folder / "faults"
        until(lambda: told.read_bytes().count(b'"window"') >= len(pair.spans), "the truth", 5, 0.05)


def _dropped(pair: Pair, folder: pathlib.Path) -> None:
    """The same in a network namespace of its own, in which SYN packets are dropped; all ends with the prober."""
    script = (
        'ip link set lo up; cd "$1"; "$2" -m workloads.faults --port "$3" >/dev/null & '
        '"$2" -m workloads.faults.drop --port "$3" "@$4/arguments" >"$4/faults" & '
        'until grep -q began "$4/faults"; do sleep 0.05; done; cd workloads; shift 4; exec "$@" >"$0/probe"'
    )
    (folder / "arguments").write_text(
        "\n".join(f"--window={one.start_ms:.3f}:{one.length_ms:.3f}" for one in pair.spans)
    )
    argv = [*APART, "sh", "-ec", script, str(folder), str(ROOT), sys.executable, str(PORT), str(folder)]
    with process([*argv, *_prober(pair, PORT)], folder / "log", ROOT) as shell:
        shell.wait(_patience_s(pair))


def _prober(pair: Pair, port: int) -> list[str]:
    """The prober's command: as in the pod but for the count; HTTP/2 has a prober of its own."""
    options = ["--probe", PROBE, "--interval-ms", f"{SPACING_MS:g}", "--deadline-s", "1", "--count", str(pair.probes)]
    if pair.fault == GOAWAY:
        return [sys.executable, "-m", "load.httpx_probe", "--http2", "--url", f"http://127.0.0.1:{port}/", *options]
    return [*PYTHON, "-m", "load.probe", "--target", f"127.0.0.1:{port}", *options]


def _patience_s(pair: Pair) -> float:
    return pair.probes * SPACING_MS / 1000 + 30


def _truths(path: pathlib.Path, fault: str) -> list[Truth]:
    """What the fault server says it did."""
    told = [json.loads(line) for line in path.read_text().splitlines()]
    windows = [one for one in told if one["kind"] == "window"]
    return [Truth(fault, one["t_ns"], one["end_ns"], fault == ONE_OF_K, one.get("error_ns", 0)) for one in windows]
