"""Kept connections: how often each was used again, and how often that broke."""

from harness.clock import seconds
from harness.history import History
from harness.records import ProbeStarted
from harness.requests import Requests
from harness.results import Kept


def by_probe(history: History) -> dict[str, Kept]:
    """Of each measuring prober that used a connection more than once, by its name."""
    names = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "measure"]
    found = {name: kept(history.requests(name, warm_up=True), history.requests(name)) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def kept(whole: Requests, judged: Requests) -> Kept | None:
    """Judge one prober's connections; ages count from their first use, in the warm-up too. None if none was kept."""
    if not (whole.use > 1).any():
        return None
    begun: dict[str, int] = {}
    for connection, sent_ns in zip(whole.connection, whole.sent_ns.tolist(), strict=True):
        begun.setdefault(connection, sent_ns)
    again = judged.use > 1
    ages = [end - begun[name] for name, end in zip(judged.connection, judged.end_ns.tolist(), strict=True) if name]
    return Kept(
        connections=len(set(judged.connection) - {""}),
        reused=int(again.sum()),
        broken=int((again & judged.failed).sum()),
        oldest_s=round(seconds(max(ages, default=0)), 3),
        most_used=int(judged.use.max(initial=0)),
    )
