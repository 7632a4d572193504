"""Requests in flight, each with an idempotency key, joined to what the servers' ledgers say of that key."""

from collections import Counter

from harness.history import History
from harness.judge.cuts import CUT, Signals, cut
from harness.records import AppSaid, ProbeStarted, Steady, Task
from harness.requests import Request
from harness.results import InFlight


def inflight(history: History) -> InFlight | None:
    """Judge the requests that were under way after the warm-up; None if no prober sent any."""
    probes = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "inflight"]
    if not probes:
        return None
    since_ns = max((record.t_ns for record in history.of(Steady)), default=0)
    sent = [(name, row) for name in probes for row in history.requests(name, warm_up=True) if row.end_ns >= since_ns]
    rows = [row for _, row in sent]
    keys = {row.connection for row in rows}
    begun, done = (Counter(one.key for one in history.of(Task) if one.step == step) for step in ("begun", "done"))
    answered = {row.connection for row in rows if row.outcome == "ok"}
    signals = Signals(history)
    return InFlight(
        requests=len(keys),
        answered=len(answered),
        resent=sum(row.use > 1 for row in rows),
        failed=sum(row.outcome == "failed" for row in rows),
        unknown=sum(row.outcome == "unknown" for row in rows),
        lost=sum(begun[key] > 0 and not done[key] for key in keys),
        doubled=sum(done[key] > 1 for key in keys),
        unanswered=len([key for key in keys - answered if done[key]]),
        untold=untold(history) + sum(not done[key] for key in answered),
        cuts=[cut(row, worker(history, name, row), signals) for name, row in sent if row.error in CUT],
    )


def worker(history: History, probe: str, row: Request) -> str:
    """The pod that began this work while it was sent, by clocks that may err; empty if none told of it."""
    error_ns = history.clocks.of_probe(probe).error_ns
    for one in reversed(history.of(Task)):
        slack_ns = error_ns + history.clocks.of_pod(one.pod).error_ns
        known = one.key == row.connection and one.step == "begun"
        if known and row.sent_ns - slack_ns <= one.t_ns <= row.end_ns + slack_ns:
            return one.pod
    return ""


def untold(history: History) -> int:
    """How many entries the ledgers had by the servers' last words beyond those that came: what was lost on the way."""
    said: Counter[str] = Counter()
    for one in history.of(AppSaid):
        if one.event == "stopped":
            said[one.pod] += int(one.data.get("tasks", 0))
    came = Counter(task.pod for task in history.of(Task))
    return sum(max(count - came[pod], 0) for pod, count in said.items())
