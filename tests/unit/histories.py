"""Builders of made histories: the fewest words that say what happened. Moments are seconds after BASE_NS."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from harness.history import History
from harness.records import (
    AppSaid,
    Condition,
    ContainerSeen,
    EndpointSeen,
    EndpointsSeen,
    LeaseSeen,
    PodSeen,
    ProbeEnded,
    ProbeStarted,
    Record,
    RequestBatch,
    ScenarioEnded,
    ScenarioStarted,
    Work,
)
from harness.requests import Requests

BASE_NS = 1_700_000_000_000_000_000
MS = 1_000_000


def at(t_s: float) -> int:
    """A moment in ns."""
    return BASE_NS + round(t_s * 1e9)


def row(scheduled_s: float, took_ms: float = 1.0, error: str = "", *, lag_ms: float = 0.0, pod: str = "a") -> list[Any]:
    """A row of a RequestBatch: good, or failed with this error (`unknown` makes the outcome unknown)."""
    outcome = "ok" if not error else "unknown" if error == "unknown" else "failed"
    sent, end = round(lag_ms * MS), round((lag_ms + took_ms) * MS)
    phase = {"": "", "refused": "connect", "timeout": "first_byte"}.get(error, "first_byte")
    good = outcome == "ok"
    return [
        at(scheduled_s), sent, end if good else None, end, outcome, phase, error,
        200 if good else 0, pod if good else "", "c", 1,
    ]  # fmt: skip


def requests(rows: Sequence[list[Any]], probe: str = "service") -> Requests:
    """Rows as Requests."""
    return Requests.from_batches(probe, [RequestBatch(BASE_NS, probe, 0, list(rows))])


def from_arrays(sent_s: Any, end_s: Any, errors: Sequence[str]) -> Requests:
    """Rows from arrays of moments in seconds; an empty error is a good answer."""
    rows = [
        [at(s), 0, None, at(e) - at(s), "failed" if error else "ok", "", error, 0, "", "c", 1]
        for s, e, error in zip(np.asarray(sent_s).tolist(), np.asarray(end_s).tolist(), errors, strict=True)
    ]
    return requests(rows)


def probe(
    rows: Sequence[list[Any]], name: str = "service", *, role: Any = "measure", interval_ms: float = 10,
    target: str = "http://shop:80/", ended: bool = True, pod: str = "",
) -> list[Record]:  # fmt: skip
    """A prober's whole life: started, one batch, ended."""
    records: list[Record] = [
        ProbeStarted(at(0), name, round(interval_ms * MS), 1_000 * MS, target, role, pod),
        RequestBatch(at(0), name, 0, list(rows)),
    ]
    if ended:
        records.append(ProbeEnded(at(1_000), name, len(rows), 1))
    return records


def steady(
    seconds: float = 1.0, bad: tuple[float, float] = (0, 0), error: str = "refused", spacing: float = 0.01
) -> list[list[Any]]:
    """Rows at an even spacing, failing with `error` in the half-open span `bad`."""
    due = [n * spacing for n in range(round(seconds / spacing))]
    return [row(t, error=error if bad[0] <= t < bad[1] else "") for t in due]


def container(restarts: int = 0, state: str = "running", **more: Any) -> ContainerSeen:
    """A container named app."""
    return ContainerSeen(
        **{"name": "app", "id": f"c{restarts}", "restarts": restarts, "state": state, "ready": True} | more
    )


def pod(
    t_s: float, name: str = "a", *, change: str = "MODIFIED", ready: bool = True, deletion_s: float | None = None,
    containers: Iterable[ContainerSeen] = (), conditions: Iterable[Condition] = (), uid: str = "", **more: Any,
) -> PodSeen:  # fmt: skip
    """A pod as seen at a moment; its uid is `uid-<name>`, its address `ip-<name>`, unless given."""
    values: dict[str, Any] = {"node": "n1", "ip": f"ip-{name}", "phase": "Running", "reason": "", "grace_s": None}
    deletion = None if deletion_s is None else at(deletion_s)
    return PodSeen(
        at(t_s), change, name, uid or f"uid-{name}", ready=ready, deletion_ns=deletion,
        containers=list(containers), conditions=list(conditions), **values | more,
    )  # fmt: skip


def endpoint(name: str, *, ready: bool = True, serving: bool = True, terminating: bool = False) -> EndpointSeen:
    """A pod's entry in a Service."""
    return EndpointSeen(name, f"uid-{name}", f"ip-{name}", "n1", ready, serving, terminating)


def endpoints(t_s: float, *entries: EndpointSeen, service: str = "shop", slice_: str = "s1") -> EndpointsSeen:
    """A Service's one slice as seen at a moment."""
    return EndpointsSeen(at(t_s), service, slice_, list(entries))


def said(t_s: float, event: str, name: str = "a", **data: Any) -> AppSaid:
    """What a pod's process said."""
    return AppSaid(at(t_s), name, "app", event, data)


def work(
    identity: str, start_s: float, end_s: float, term: int, every_s: float = 0.02, pod: str = ""
) -> list[Work]:  # fmt: skip
    """A leader's work from a moment to another, both included."""
    count = round((end_s - start_s) / every_s) + 1
    return [Work(at(start_s + n * every_s), pod or f"pod-{identity}", identity, n, term) for n in range(count)]


def lease(t_s: float, holder: str, transitions: int, acquire_s: float, renew_s: float) -> LeaseSeen:
    """A Lease of 15 s as seen at a moment."""
    return LeaseSeen(at(t_s), "lock", holder, transitions, 15, at(acquire_s), at(renew_s))


def history(*records: Record | Iterable[Record], error: str = "", name: str = "rollout-naive") -> History:
    """A whole scenario: started, these records, ended. Lists of records are taken apart."""
    flat: list[Record] = [ScenarioStarted(at(-1), "B1", name, "rollout", "A rollout", "ns")]
    for item in records:
        flat.extend([item] if isinstance(item, Record) else item)
    return History(name, [*flat, ScenarioEnded(at(2_000), name, error)])
