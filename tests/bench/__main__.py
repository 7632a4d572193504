"""`python -m tests.bench`: the cost of measuring, beside its peers', as tables in Markdown."""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from .cost import Cost, breaks, cost, run, server
from .peers import PEERS, Asked, Peer
from .recording import analysis, recording

RATES = (100, 500, 1000)
BASE = "FastHttpUser, open loop"
GOALS = {"path_us": 1.0, "analysis_s": 10.0, "analysis_mb": 1024.0, "core": 0.1}


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def costs(peers: Sequence[Peer], seconds: float) -> dict[str, dict[int, Cost]]:
    """Every client at every rate, one after another; one that holds no rate runs once."""
    return {
        peer.name: {rate: cost(peer, rate, seconds) for rate in (RATES if peer.paced else RATES[-1:])} for peer in peers
    }


def cost_table(found: dict[str, dict[int, Cost]]) -> list[str]:
    """Requests for a second of processor time, as a ratio to FastHttpUser's; the lag."""
    heads = [f"{what} at {rate}/s" for rate in RATES for what in ("requests a CPU-second (ratio)", "lag p99, ms")]
    lines = [row(["client", *heads]), row(["---"] * (1 + len(heads)))]
    for name, by_rate in found.items():
        cells = []
        for rate in RATES:
            one, base = by_rate.get(rate), found.get(BASE, {}).get(rate)
            ratio = f" ({one.per_cpu_second / base.per_cpu_second:.2f})" if one and base else ""
            cells += [f"{one.per_cpu_second:,.0f}{ratio}" if one else "-"]
            cells += [f"{one.lag_p99_ms:.1f}" if one and one.lag_p99_ms is not None else "-"]
        lines.append(row([name, *cells]))
    return lines


def kept_ticks(peer: Peer, rate: int, seconds: float = 4.0) -> tuple[int, int]:
    """Scheduled requests and those that have a row."""
    with server() as (target, _):
        asked = Asked(target, rate, round(rate * seconds))
        output, _ = run(peer.command(asked))
    return asked.requests, peer.read(output, asked).requests


def core_of_a_row(seconds: float = 8.0) -> tuple[float, float]:
    """Cores that a row at 100 probes a second takes: the prober's and the sample app's."""
    app = subprocess.Popen(
        [sys.executable, "-s", "-m", "workloads.server.server", "--port", "18980"], stdout=subprocess.PIPE
    )
    try:
        assert app.stdout
        app.stdout.readline()
        peer = PEERS[0]
        time.sleep(1.0)
        before = cpu_of(app.pid)
        _, base_s = run(peer.command(Asked("127.0.0.1:18980", 100, 1)))
        asked = Asked("127.0.0.1:18980", 100, round(100 * seconds))
        output, cpu_s = run(peer.command(asked))
        taken = cpu_of(app.pid) - before
    finally:
        app.kill()
        app.wait()
    assert peer.read(output, asked).broken == 0
    return (cpu_s - base_s) / seconds, taken / seconds


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure all and print it. Returns 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="tests.bench")
    parser.add_argument("--seconds", type=float, default=5.0, help="for how long each client runs at each rate")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    options = parser.parse_args()
    here = [peer for peer in PEERS if not peer.missing]
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}")
    for peer in PEERS:
        if peer.missing:
            print(f"left out: {peer.name}: {peer.missing}")
    found = costs(here, options.seconds)
    print("\n".join(cost_table(found)))
    told = {peer.name: breaks(peer) for peer in here}
    lines = [row([name, f"{one.broken}", f"{one.seen}"]) for name, one in told.items()]
    print("\n".join([row(["client", "broken", "told of"]), row(["---"] * 3), *lines]))
    locust = next(peer for peer in PEERS if peer.name == "our Locust open loop")
    ticks = {rate: kept_ticks(locust, rate) for rate in RATES} if not locust.missing else {}
    print("ticks of the Locust open loop that have a row:", ", ".join(f"{b} of {a}" for a, b in ticks.values()))
    prober, app = core_of_a_row()
    print(f"a row at 100 probes a second: prober {prober:.3f} and app {app:.3f} of a core")
    recorded = recording()
    print(f"recording a row: {recorded.path_us:.2f} µs in the request's path, {recorded.writing_us:.2f} µs afterwards")
    with tempfile.TemporaryDirectory() as folder:
        judged = analysis(pathlib.Path(folder))
    took_s = judged.read_s + judged.judge_s
    print(
        f"{judged.rows:,} rows: read in {judged.read_s:.1f} s, judged in {judged.judge_s:.1f} s of processor time"
        f" ({judged.clock_s:.1f} s by the clock), {judged.peak_mb:.0f} MB"
    )
    if options.json:
        costs_ = {name: {rate: one._asdict() for rate, one in by.items()} for name, by in found.items()}
        breaks_ = {name: one._asdict() for name, one in told.items()}
        whole = {"cost": costs_, "breaks": breaks_, "recording": recorded._asdict(), "analysis": judged._asdict()}
        options.json.write_text(json.dumps({**whole, "row": {"prober": prober, "app": app}}, indent=1))
    ours = [one for name, one in told.items() if name.startswith("our ")]
    missed = [
        what
        for what, holds in (
            ("a row at 100 probes a second takes at most 0.1 of a core", prober + app <= GOALS["core"]),
            ("recording a row takes at most 1 µs of the request's path", recorded.path_us <= GOALS["path_us"]),
            ("a million rows are analysed in 10 s", took_s <= GOALS["analysis_s"]),
            ("a million rows are analysed in 1 GB", judged.peak_mb <= GOALS["analysis_mb"]),
            ("no client of ours hides a break", all(one.broken == one.seen for one in ours)),
            ("no tick is lost", all(a == b for a, b in ticks.values())),
        )
        if not holds
    ]
    for what in missed:
        print(f"missed: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
