"""Proof that a restart went the way it was meant to: what the cluster itself showed of the cause."""

from dataclasses import dataclass, field

from harness.history import History
from harness.lives import PodLife, lives
from harness.records import Act, EndpointSeen, EndpointsSeen, EventSeen


@dataclass
class Proof:
    """What was found of the cause and what was looked for in vain, each a sentence of the report."""

    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether something was found and nothing is missing: no proof at all is no proof."""
        return bool(self.found) and not self.missing

    def need(self, what: str, shown: bool) -> bool:
        """File one needed fact under found or missing; returns `shown`."""
        (self.found if shown else self.missing).append(what)
        return shown

    def __add__(self, other: "Proof") -> "Proof":
        return Proof(self.found + other.found, self.missing + other.missing)


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """A change of one pod's entry in a Service. An entry that went away is neither ready, serving nor terminating."""

    t_ns: int
    service: str
    uid: str
    pod: str
    present: bool
    ready: bool
    serving: bool
    terminating: bool


def pods(history: History, **labels: str) -> list[PodLife]:
    """The lives of the pods with these labels (all pods without any), by first sight."""
    return [life for life in lives(history).values() if labels.items() <= life.labels.items()]


def events(history: History, reason: str, uid: str = "") -> list[EventSeen]:
    """The events of one reason, about one object if its uid is given."""
    return [event for event in history.of(EventSeen) if event.reason == reason and uid in ("", event.uid)]


def refusals(history: History, verb: str = "evict") -> list[Act]:
    """The evictions that a budget refused: 429 with the cause DisruptionBudget."""
    refused = [act for act in history.of(Act) if (act.verb, act.status) == (verb, "refused")]
    return [act for act in refused if "DisruptionBudget" in act.detail["body"]]


def has_condition(life: PodLife, type_: str, status: str = "True", reason: str = "") -> bool:
    """Whether the pod was ever seen with this condition, with this reason if one is given."""
    return condition_ns(life, type_, status, reason) is not None


def condition_ns(life: PodLife, type_: str, status: str = "True", reason: str = "") -> int | None:
    """When the pod was first seen with this condition, with this reason if one is given."""
    for pod in life.seen:
        if any((one.type, one.status) == (type_, status) and reason in ("", one.reason) for one in pod.conditions):
            return pod.t_ns
    return None


def endpoint_changes(history: History, service: str, uid: str = "") -> list[EndpointChange]:
    """How the entries of a Service changed, oldest first; of one pod if its uid is given.

    A pod that stands in two slices for a moment (as its entry moves) counts as the better of the two.
    """
    slices: dict[str, list[EndpointSeen]] = {}
    last: dict[str, tuple[bool, bool, bool]] = {}
    names: dict[str, str] = {}
    changes: list[EndpointChange] = []
    for record in (one for one in history.of(EndpointsSeen) if one.service == service):
        slices[record.slice] = record.endpoints
        now = _merged(slices, names)
        for key in (now.keys() | last.keys()) if not uid else {uid} & (now.keys() | last.keys()):
            if now.get(key) != last.get(key):
                state = now.get(key, (False, False, False))
                changes.append(EndpointChange(record.t_ns, service, key, names[key], key in now, *state))
        last = now
    return changes


def _merged(slices: dict[str, list[EndpointSeen]], names: dict[str, str]) -> dict[str, tuple[bool, bool, bool]]:
    """(ready, serving, terminating) by uid over all slices; the pods' names are noted on the way."""
    now: dict[str, tuple[bool, bool, bool]] = {}
    for one in (one for endpoints in slices.values() for one in endpoints):
        names[one.uid] = one.pod
        now[one.uid] = max(now.get(one.uid, (False, False, False)), (one.ready, one.serving, one.terminating))
    return now
