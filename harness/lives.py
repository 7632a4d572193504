"""The life of each pod, read from a history: when it was ready, told to stop, and gone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.clock import NS_PER_S
from harness.history import History
from harness.records import AppSaid, ContainerSeen, PodSeen


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of one run of a container. finished_ns has whole seconds; seen_ns is the watch's arrival."""

    container: str
    code: int
    reason: str
    signal: int | None
    finished_ns: int | None
    seen_ns: int


@dataclass(frozen=True, slots=True)
class Span:
    """From start_ns to end_ns, the end not included; end_ns is None where no end was seen."""

    start_ns: int
    end_ns: int | None

    def holds(self, t_ns: int) -> bool:
        """Whether the moment lies in the span."""
        return self.start_ns <= t_ns and (self.end_ns is None or t_ns < self.end_ns)


@dataclass(frozen=True, slots=True)
class PodLife:
    """One pod by its uid: all that was seen of it, oldest first, and what its processes said.

    Moments `_ns` are when the harness saw a thing (an upper bound of when it was), except deletion_ns, which is the
    API's deletionTimestamp, and what the process said, which is its own clock.
    """

    uid: str
    name: str
    seen: list[PodSeen]
    said: list[AppSaid] = field(default_factory=list)

    @property
    def first_seen_ns(self) -> int:
        """When the pod was first seen."""
        return self.seen[0].t_ns

    @property
    def labels(self) -> dict[str, str]:
        """Its labels as last seen."""
        return self.seen[-1].labels

    @property
    def node(self) -> str:
        """The node it was bound to; empty if it never was."""
        return next((pod.node for pod in reversed(self.seen) if pod.node), "")

    @property
    def ips(self) -> set[str]:
        """All its addresses; a new sandbox brings a new one."""
        return {pod.ip for pod in self.seen if pod.ip}

    @property
    def ready_ns(self) -> int | None:
        """When it was first seen Ready."""
        return next((pod.t_ns for pod in self.seen if pod.ready), None)

    @property
    def deletion_seen_ns(self) -> int | None:
        """When its deletion was first seen."""
        return next((pod.t_ns for pod in self.seen if pod.deletion_ns is not None or pod.change == "DELETED"), None)

    @property
    def deletion_ns(self) -> int | None:
        """The deletionTimestamp of the first deletion: when its grace ends, in whole seconds."""
        return next((pod.deletion_ns for pod in self.seen if pod.deletion_ns is not None), None)

    @property
    def grace_s(self) -> int | None:
        """The grace period of the first deletion, the one that the kubelet keeps."""
        return next((pod.grace_s for pod in self.seen if pod.deletion_ns is not None), None)

    @property
    def gone_ns(self) -> int | None:
        """When its object was seen to leave the API."""
        return next((pod.t_ns for pod in self.seen if pod.change == "DELETED"), None)

    @property
    def reasons(self) -> set[str]:
        """Every `status.reason` it ever had: Evicted, Preempting, …"""
        return {pod.reason for pod in self.seen if pod.reason}

    @property
    def silent(self) -> list[str]:
        """The containers that never told anything of themselves."""
        told = {said.container for said in self.said}
        return sorted({one.name for pod in self.seen for one in pod.containers} - told)

    @property
    def signal_ns(self) -> int | None:
        """When a process of it first said that it was told to stop."""
        return self.said_ns("signal")

    @property
    def exit_ns(self) -> int | None:
        """When a process of it last said that it exits."""
        return next((said.t_ns for said in reversed(self.said) if said.event == "exit"), None)

    def said_ns(self, event: str) -> int | None:
        """When a process of it first said this event."""
        return next((said.t_ns for said in self.said if said.event == event), None)

    def restarts(self, container: str = "") -> int:
        """How many restarts were seen to happen, of one container or of all."""
        counts: dict[str, list[int]] = {}
        for _, one in self._statuses(container):
            counts.setdefault(one.name, []).append(one.restarts)
        return sum(max(values) - values[0] for values in counts.values())

    def exits(self, container: str = "") -> list[Exit]:
        """Every end of a run that was seen, of one container or of all, each once."""
        found: dict[tuple[str, int], Exit] = {}
        first = dict(self._first_restarts())
        for t_ns, one in self._statuses(container):
            if one.state == "terminated" and one.exit_code is not None:
                end = Exit(one.name, one.exit_code, one.reason, one.signal, one.finished_ns, t_ns)
                found.setdefault((one.name, one.restarts), end)
            # What ended before the first sight of the pod did not happen in this scenario.
            if one.last_exit_code is not None and one.restarts > first[one.name]:
                end = Exit(one.name, one.last_exit_code, one.last_reason, None, one.last_finished_ns, t_ns)
                found.setdefault((one.name, one.restarts - 1), end)
        return list(found.values())

    def listening(self) -> list[Span]:
        """The spans in which its server accepted connections, as the process told; empty if it told nothing."""
        spans: list[Span] = []
        start: int | None = None
        for said in self.said:
            if said.event == "listening":
                start = said.t_ns
            elif start is not None and said.event in ("draining", "stopped", "exit", "started"):
                spans.append(Span(start, self._drained_ns(said) if said.event == "draining" else said.t_ns))
                start = None
        if start is not None:
            spans.append(Span(start, self._died_ns(start)))
        return spans

    def _drained_ns(self, said: AppSaid) -> int:
        """When a server that said so ends its drain, unless its container ends before."""
        end_ns = said.t_ns + int(float(said.data.get("drain_s", 0)) * NS_PER_S)
        died_ns = self._died_ns(said.t_ns)
        return end_ns if died_ns is None else min(end_ns, died_ns)

    def _died_ns(self, since_ns: int) -> int | None:
        """When a container ended that told nothing of it: the first end seen after a moment, else the pod's own."""
        ends = [end.finished_ns or end.seen_ns for end in self.exits() if end.seen_ns >= since_ns]
        return min((max(end, since_ns) for end in ends), default=self.gone_ns)

    def _statuses(self, container: str) -> Iterator[tuple[int, ContainerSeen]]:
        for pod in self.seen:
            for one in pod.containers:
                if container in ("", one.name):
                    yield pod.t_ns, one

    def _first_restarts(self) -> Iterator[tuple[str, int]]:
        counted: set[str] = set()
        for _, one in self._statuses(""):
            if one.name not in counted:
                counted.add(one.name)
                yield one.name, one.restarts


def lives(history: History) -> dict[str, PodLife]:
    """Each pod's life by uid, in the order in which the pods were first seen."""
    found: dict[str, PodLife] = {}
    for pod in history.of(PodSeen):
        found.setdefault(pod.uid, PodLife(pod.uid, pod.name, [])).seen.append(pod)
    by_name: dict[str, list[PodLife]] = {}
    for life in found.values():
        by_name.setdefault(life.name, []).append(life)
    for said in history.of(AppSaid):
        if namesakes := by_name.get(said.pod):
            min(namesakes, key=lambda life: _distance(life, said.t_ns)).said.append(said)
    return found


def _distance(life: PodLife, t_ns: int) -> float:
    """How far a moment lies outside a life; of two pods of one name (a StatefulSet's) the nearer one spoke."""
    end = math.inf if life.gone_ns is None else life.gone_ns
    return max(life.first_seen_ns - t_ns, t_ns - end, 0.0)
