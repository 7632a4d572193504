"""The world at a moment: which pods listened, were in the Service, were told to stop, as far as it was seen."""

import ipaddress
import itertools
from bisect import bisect_right
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.clock import NS_PER_S
from harness.history import History
from harness.judge.deletions import Deletion, deletions
from harness.lives import PodLife, Span, lives
from harness.proof import EndpointChange, endpoint_changes
from harness.records import Act, EndpointsSeen, ProbeStarted

# kube-proxy's rules follow the EndpointSlice by up to the second between two of its syncs, and the time to write them.
LINGER_NS = NS_PER_S * 3 // 2

# How late kube-proxy's rules were seen to be on a busy machine: up to 3.2 s after the EndpointSlice.
LATE_NS = 5 * NS_PER_S

# Linux remembers a connection that was not answered for 120 s after its last packet, which a client that gives up after
# a second sends within three.
TRACKED_NS = 125 * NS_PER_S


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod at a moment. `in_service` is ready, or, where none is, serving while it terminates.

    `joined_ns` is when its entry became ready, if it is; `unready_ns` when it ceased to be, if it is not, or else when
    it will; `left_ns` when it ceased to be, if it is not in service either; `deleted_ns` when its deletion was asked
    for, or was seen, if it may have been asked for by then.
    Signal, close and exit are of the pod's own clock, which errs by up to `error_ns`.
    """

    life: PodLife
    listening: bool
    told: bool
    in_service: bool
    joined_ns: int | None
    left_ns: int | None
    unready_ns: int | None
    deleted_ns: int | None
    signal_ns: int | None
    closed_ns: int | None
    exit_ns: int | None
    error_ns: int = 0

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.life.name


@dataclass(frozen=True, slots=True)
class View:
    """All that was known of the pods behind one target at a moment `t_ns`. `service` is empty if it has none.

    `names`: the app's answers bear the name of their pod, so that one without is not the app's.
    """

    t_ns: int
    service: str
    pods: list[PodView]
    acts: list[Act]
    names: bool

    @property
    def backends(self) -> list[PodView]:
        """The pods to which a request could be sent."""
        return [pod for pod in self.pods if pod.in_service]

    @property
    def recent(self) -> list[PodView]:
        """The backends and the pods that were backends until shortly before."""
        return [p for p in self.pods if p.in_service or (p.left_ns is not None and self.t_ns - p.left_ns < LINGER_NS)]

    def pod(self, name: str) -> PodView | None:
        """The pod of this name."""
        return next((pod for pod in self.pods if pod.name == name), None)


@dataclass(frozen=True, slots=True)
class _Backend:
    """One pod's changes over time; `times` are those of `changes`, for look-ups."""

    life: PodLife
    listening: list[Span]
    changes: list[EndpointChange]
    times: list[int]
    deletion: Deletion | None

    def state(self, t_ns: int) -> EndpointChange | None:
        """The pod's entry in the Service at a moment; None before its first."""
        found = bisect_right(self.times, t_ns)
        return self.changes[found - 1] if found else None

    def since_ns(self, t_ns: int, *, ready: bool) -> int | None:
        """Since when the pod's entry is ready, or is not, if so it is at a moment."""
        before = reversed(self.changes[: bisect_right(self.times, t_ns)])
        return min((one.t_ns for one in itertools.takewhile(lambda one: one.ready is ready, before)), default=None)

    def leaves_ns(self, t_ns: int) -> int | None:
        """When the pod's entry ceases to be ready, after a moment."""
        after = self.changes[bisect_right(self.times, t_ns) :]
        return next((change.t_ns for change in after if not change.ready), None)


class World:
    """The states of the pods behind one probe's target; `at` gives the view of a moment, `segment` its number.

    Two moments of one segment have the same view but for `t_ns`. A target that names neither a Service nor a pod that
    was seen has no pods. `error_ns` is by how much the prober's clock and a pod's may differ at most.
    """

    def __init__(self, history: History, probe: str) -> None:
        targets = [one.target for one in history.of(ProbeStarted) if one.probe == probe]
        known = {one.service for one in history.of(EndpointsSeen)}
        found = list(lives(history).values())
        deleted = deletions(history)
        host = host_of(targets[0]) if targets else ""
        direct = [life for life in found if host in life.ips]
        self.service = "" if direct else _service(host, known)
        changes: dict[str, list[EndpointChange]] = {}
        for change in endpoint_changes(history, self.service):
            changes.setdefault(change.uid, []).append(change)
        self._pods = [
            _Backend(life, life.listening(), mine, [change.t_ns for change in mine], deleted.get(life.uid))
            for life in direct or found
            if (mine := changes.get(life.uid, [])) or direct
        ]
        clocks = history.clocks
        self._errors = {pod.life.uid: clocks.of_pod(pod.life.name).error_ns for pod in self._pods}
        self.error_ns = clocks.of_probe(probe).error_ns + max(self._errors.values(), default=0)
        self._acts = [act for act in history.of(Act) if act.status in ("begin", "done")]
        edges = {edge for pod in self._pods for edge in _edges(pod)} | {act.t_ns for act in self._acts}
        self._edges = sorted(edges)

    def segment(self, t_ns: int) -> int:
        """The number of the span without a change in which a moment lies."""
        return bisect_right(self._edges, t_ns)

    def at(self, t_ns: int, *, names: bool = True) -> View:
        """What was known at a moment; see `View` for `names`."""
        states = [(pod, pod.state(t_ns)) for pod in self._pods]
        any_ready = any(state is not None and state.ready for _, state in states)
        acts = [act for act in self._acts if act.t_ns <= t_ns]
        pods = [self._view(pod, state, t_ns, any_ready) for pod, state in states]
        return View(t_ns, self.service, pods, acts, names)

    def _view(self, pod: _Backend, state: EndpointChange | None, t_ns: int, any_ready: bool) -> PodView:
        life = pod.life
        used = state is not None and (state.ready or (not any_ready and state.serving and state.terminating))
        unready = pod.since_ns(t_ns, ready=False)
        said = [one for one in life.said if one.t_ns <= t_ns]
        signal = next((one.t_ns for one in reversed(said) if one.event == "signal"), None)
        started = next((one.t_ns for one in reversed(said) if one.event == "started"), None)
        if signal is not None and started is not None and started > signal:
            signal = None
        ends = [span.end_ns for span in pod.listening if span.end_ns is not None and span.end_ns <= t_ns]
        exits = [end.finished_ns or end.seen_ns for end in life.exits()] + [o.t_ns for o in said if o.event == "exit"]
        return PodView(
            life=life,
            listening=any(span.holds(t_ns) for span in pod.listening),
            told=bool(life.said),
            in_service=used if self.service else life.gone_ns is None or t_ns < life.gone_ns,
            joined_ns=pod.since_ns(t_ns, ready=True),
            left_ns=None if used else unready,
            unready_ns=pod.leaves_ns(t_ns) if unready is None else unready,
            deleted_ns=pod.deletion.t_ns if pod.deletion is not None and pod.deletion.from_ns <= t_ns else None,
            signal_ns=signal,
            closed_ns=max(ends, default=None),
            exit_ns=max((end for end in exits if end <= t_ns), default=None),
            error_ns=self._errors[life.uid],
        )


def _edges(pod: _Backend) -> set[int]:
    """The moments at which a pod's view changes."""
    life = pod.life
    edges = {one.t_ns for one in life.said} | {seen.t_ns for seen in life.seen}
    edges |= {end.finished_ns for end in life.exits() if end.finished_ns is not None}
    edges |= {edge for span in pod.listening for edge in (span.start_ns, span.end_ns) if edge is not None}
    edges |= {change.t_ns for change in pod.changes}
    edges |= {pod.deletion.from_ns} if pod.deletion is not None else set()
    edges |= {edge + lag_ns for edge in edges for lag_ns in (LINGER_NS, LATE_NS)}
    return edges | {change.t_ns + TRACKED_NS for change in pod.changes}


def host_of(target: str) -> str:
    """The host of a target, which is a URL or host:port."""
    return urlsplit(target if "//" in target else f"//{target}").hostname or ""


def _service(host: str, known: set[str]) -> str:
    """The Service that a host names: by its first label, else the only one that was seen (a cluster IP)."""
    if (first := host.partition(".")[0]) in known:
        return first
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return next(iter(known)) if len(known) == 1 else ""
