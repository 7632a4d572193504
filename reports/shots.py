"""The lane of requests: every failure, and as many good requests as the eye can use."""

import numpy as np
from numpy.typing import NDArray

from harness.clock import NS_PER_S
from harness.records import ProbeStarted
from harness.requests import Requests
from reports.figure import Points, Quantiles, Shots
from reports.text import plain

NS_PER_MS = 1_000_000

ROLES = {
    "control": "control, an untouched service · ",
    "direct": "straight to each pod's address · ",
    "inflight": "each takes a while, and has a key · ",
}
"""What the lane says of a prober of another kind than the measuring one."""


class _Words:
    """Numbers for words, so that a word that stands in a thousand rows is written once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    def all(self) -> list[str]:
        return [plain(word) for word in self._numbers]


def thinned(requests: Requests, chosen: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most `most` of the chosen rows: half of them evenly spaced, and of each stretch the quickest and the slowest.

    So the cloud keeps its shape, its band stays as high as it was, and no slow stretch is lost.
    """
    if len(chosen) <= most:
        return chosen
    latency = requests.end_ns[chosen] - requests.scheduled_ns[chosen]
    kept = set(np.linspace(0, len(chosen) - 1, most // 2).astype(int).tolist())
    for part in np.array_split(np.arange(len(chosen)), max(1, most // 4)):
        kept |= {int(part[latency[part].argmin()]), int(part[latency[part].argmax()])}
    return chosen[sorted(kept)]


def _why(requests: Requests, index: int) -> str:
    error, phase, status = requests.error[index], requests.phase[index], int(requests.status[index])
    if not error:
        return f"status {status}" if status else requests[index].outcome
    what = f"status {status}" if error == "status" and status else error.replace("_", " ")
    return f"{what} at {phase.replace('_', ' ')}" if phase else what


def _points(requests: Requests, chosen: NDArray[np.intp], zero_ns: int, words: _Words) -> Points:
    scheduled = requests.scheduled_ns[chosen]
    at_s = (scheduled - zero_ns) / NS_PER_S
    ms = (requests.end_ns[chosen] - scheduled) / NS_PER_MS
    return Points(
        at_s=np.round(at_s, 4).tolist(),
        ms=np.round(ms, 2).tolist(),
        what=[words.number(_why(requests, int(i))) for i in chosen],
        pod=[words.number(requests.pod[i]) for i in chosen],
    )


WINDOWS = 120
LEAST_IN_WINDOW = 50
"""So many windows of latency at the most, of so many answered requests on average at the least."""


def quantiles(requests: Requests, zero_ns: int) -> Quantiles | None:
    """Percentiles of the latency of answered requests over time, from all of them; None where there are too few.

    A window without an answered request is a hole in the line.
    """
    chosen = np.flatnonzero(requests.ok)
    windows = min(WINDOWS, len(chosen) // LEAST_IN_WINDOW)
    if windows < 2:
        return None
    due_s = (requests.scheduled_ns[chosen] - zero_ns) / NS_PER_S
    ms = (requests.end_ns[chosen] - requests.scheduled_ns[chosen]) / NS_PER_MS
    first_s, last_s = float(due_s[0]), float(due_s[-1])
    window_s = (last_s - first_s) / windows or 1.0
    edges = np.searchsorted(due_s, first_s + window_s * np.arange(1, windows))
    parts = [(first_s + window_s * (n + 0.5), part) for n, part in enumerate(np.split(ms, edges))]
    full = [(at_s, np.percentile(part, (50, 99, 100)), len(part)) for at_s, part in parts if len(part)]
    p50, p99, most = (np.round([values[n] for _, values, _ in full], 2).tolist() for n in range(3))
    at = np.round([at_s for at_s, _, _ in full], 3).tolist()
    return Quantiles(round(window_s, 4), at, p50, p99, most, [count for _, _, count in full])


def shots(requests: Requests, probe: ProbeStarted | None, zero_ns: int, most: int) -> Shots:
    """The lane of one prober's requests; at most `most` good ones are drawn, failed and unknown ones all."""
    words = _Words()
    ok = np.flatnonzero(requests.ok)
    failed = np.flatnonzero(requests.failed)
    unknown = np.flatnonzero(~requests.ok & ~requests.failed)
    title, about = f"Requests · {requests.probe}", ""
    if probe is not None:
        role = ROLES.get(probe.role, "")
        pace = "in a closed loop" if probe.loop == "closed" else f"one each {probe.interval_ns / NS_PER_MS:g} ms"
        about = f"{role}{probe.target} · {pace}"
    return Shots(
        title=plain(title),
        about=plain(about),
        good=_points(requests, thinned(requests, ok, most), zero_ns, words),
        bad=_points(requests, failed, zero_ns, words),
        unknown=_points(requests, unknown, zero_ns, words),
        good_total=len(ok),
        latency=quantiles(requests, zero_ns),
        words=words.all(),
    )
