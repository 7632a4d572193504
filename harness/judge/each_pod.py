"""Requests straight to each pod's address: when a pod answered, whatever its Service thought of it."""

from bisect import bisect_right

from harness.history import History
from harness.lives import PodLife, lives
from harness.proof import EndpointChange, endpoint_changes
from harness.records import EndpointsSeen, ProbeStarted
from harness.requests import Request
from harness.results import PodAnswers


def each_pod(history: History) -> list[PodAnswers]:
    """Each pod that was asked at its own address, in the order in which the pods were first seen.

    The headless Service by which the prober learned of them has its name, and says nothing of readiness.
    """
    probes = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "direct"]
    services = {one.service for one in history.of(EndpointsSeen)} - set(probes)
    changes = sorted(
        (change for service in services for change in endpoint_changes(history, service)), key=lambda one: one.t_ns
    )
    asked = [row for name in probes for row in history.requests(name)]
    found = []
    for life in lives(history).values():
        own = [row for row in asked if row.connection in life.ips and _alive(life, row)]
        if own:
            found.append(_answers(life, own, [one for one in changes if one.uid == life.uid]))
    return found


def _alive(life: PodLife, row: Request) -> bool:
    """Whether the address was this pod's: it may be another's later."""
    return life.first_seen_ns <= row.end_ns and (life.gone_ns is None or row.sent_ns < life.gone_ns)


def _answers(life: PodLife, rows: list[Request], changes: list[EndpointChange]) -> PodAnswers:
    good = [row for row in rows if row.outcome == "ok"]
    failed = [row for row in rows if row.outcome == "failed"]
    times = [change.t_ns for change in changes]

    def ready(t_ns: int) -> bool:
        at = bisect_right(times, t_ns)
        return at > 0 and changes[at - 1].ready

    return PodAnswers(
        pod=life.name,
        requests=len(rows),
        failed=len(failed),
        failed_while_ready=sum(ready(row.end_ns) for row in failed),
        first_ns=min((row.end_ns for row in good), default=None),
        last_ns=max((row.end_ns for row in good), default=None),
    )
