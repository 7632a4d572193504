"""What it costs to record a row, and to analyse a million of them."""

import gzip
import json
import pathlib
import random
import subprocess
import sys
import time
from typing import Any, NamedTuple

from workloads.load.rows import Rows

NS_PER_S = 1_000_000_000
STARTED_NS = 1_700_000_000 * NS_PER_S
BATCH = 100


class Recording(NamedTuple):
    """Microseconds a row: within the request's path, and afterwards when its batch is written."""

    path_us: float
    writing_us: float


class Analysis(NamedTuple):
    """A history that was read and judged: seconds of processor time (it is one thread), by the clock; memory."""

    rows: int
    read_s: float
    judge_s: float
    clock_s: float
    peak_mb: float


def recording(count: int = 200_000) -> Recording:
    """Add rows as a prober does, in batches of 20; the best of five, since all else is the machine's."""
    row = (1, 100_000, 900_000, 1_000_000, "ok", "", "", 200, "web-7d9c5b7f4-x2x7k", "12", 345)
    best: list[tuple[float, float]] = []
    for _ in range(5):
        rows = Rows("p", lambda _: None)
        adding = writing = 0
        for _ in range(count // 20 // 5):
            began_ns = time.perf_counter_ns()
            for _ in range(20):
                rows.add(row, 5)
            added_ns = time.perf_counter_ns()
            rows.flush(5)
            adding += added_ns - began_ns
            writing += time.perf_counter_ns() - added_ns
        best.append((adding / (count / 5) / 1000, writing / (count / 5) / 1000))
    return Recording(min(one for one, _ in best), min(one for _, one in best))


def made_lines(count: int, seed: int = 1) -> "list[str]":
    """A history of one prober at 1,000/s: three outages, rows from ten pods, a batch for each hundred."""
    chance = random.Random(seed)
    lines: list[dict[str, Any]] = [
        {"kind": "probe", "t_ns": STARTED_NS, "probe": "service", "interval_ns": 1_000_000, "deadline_ns": NS_PER_S,
         "target": "shop:80", "role": "measure"},
        {"kind": "steady", "t_ns": STARTED_NS},
    ]  # fmt: skip
    outages = [(count * n // 4, count * n // 4 + 1500) for n in (1, 2, 3)]
    for seq in range(count // BATCH):
        batch = []
        for n in range(seq * BATCH, (seq + 1) * BATCH):
            due_ns = STARTED_NS + n * 1_000_000
            took_ns = round(chance.lognormvariate(13.5, 0.5))
            if any(first <= n < last for first, last in outages):
                batch.append([due_ns, 80_000, None, 300_000, "failed", "connect", "refused", 0, "", str(n), 1])
            else:
                pod = f"web-7d9c5b7f4-x{n % 10}x7k"
                batch.append([due_ns, 80_000, took_ns, took_ns + 10_000, "ok", "", "", 200, pod, str(n), 1])
        at_ns = STARTED_NS + (seq + 1) * BATCH * 1_000_000
        lines.append({"kind": "requests", "t_ns": at_ns, "probe": "service", "seq": seq, "rows": batch})
    end_ns = STARTED_NS + count * 1_000_000
    lines.append(
        {"kind": "probe-end", "t_ns": end_ns, "probe": "service", "scheduled": count, "batches": count // BATCH}
    )
    return [json.dumps({"scenario": "made", **line}, separators=(",", ":")) for line in lines]


JUDGE = """
import json, pathlib, resource, sys, time
from harness import history
from harness.judge.traffic import by_probe
began, clock = time.process_time(), time.monotonic()
(seen,) = history.read(pathlib.Path(sys.argv[1])).values()
read = time.process_time()
traffic = by_probe(seen)["service"]
done, clock = time.process_time(), time.monotonic() - clock
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([traffic.requests, len(traffic.outages), traffic.errors, read - began, done - read, clock, peak_mb]))
"""


def analysis(folder: pathlib.Path, count: int = 1_000_000) -> Analysis:
    """In a process of its own, so that the memory is the analysis's."""
    path = folder / "history.jsonl.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(line + "\n" for line in made_lines(count))
    done = subprocess.run([sys.executable, "-c", JUDGE, str(path)], capture_output=True, text=True, check=True)
    requests, outages, errors, read_s, judge_s, clock_s, peak_mb = json.loads(done.stdout)
    assert (requests, outages, errors) == (count, 3, 4500), done.stdout
    return Analysis(requests, read_s, judge_s, clock_s, peak_mb)
