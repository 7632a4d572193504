"""What users felt of a restart, beside the shape of the app that they felt it of: what advice is given by."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.judge.causes import each_cause
from harness.judge.deletions import deletions
from harness.judge.expectation import Evidence
from harness.judge.presence import node_gaps_s, together_s
from harness.judge.world import World, host_of
from harness.lives import PodLife, lives
from harness.proof import events, pods, refusals
from harness.records import Act, Deployed, LeaseSeen, ProbeStarted, ScenarioStarted
from harness.results import InFlight, Phase, Streams
from harness.shape import Shape, Workload, at, sends_to, whole

GROUPS: Final = (
    ("silent-stop", "told nothing, was being deleted"),
    ("closed", "had closed its socket|routing most likely still led"),
    ("exiting", "was exiting|had been told to stop and was in the Service"),
    ("stopping-status", r"^status 5.*(after it was told to stop|by a proxy)"),
    ("not-listening", "not yet listening"),
    ("down", "^[a-z_]+: the container of pod"),
    ("node", "had hit node|connection tracking still led"),
    ("late-routing", "had just become ready"),
    ("empty", "no ready endpoint"),
    ("status", "^status"),
    ("dns", "was not resolved"),
)
"""The kinds of causes (see `causes`), by their words; the first that fits."""

DRAINABLE: Final = frozenset(["silent-stop", "closed", "exiting", "stopping-status"])
"""What a later stop signal would have spared."""

NEAR_NS = 10 * NS_PER_S
"""A failure is due to a deletion that was not longer ago than this."""


def group(cause: str) -> str:
    """The kind of a cause; "other" if none."""
    return next((name for name, words in GROUPS if re.search(words, cause)), "other")


@dataclass(frozen=True)
class Hurt:
    """What was felt: of single requests, of kept connections, in flight, on streams, by those who wait for a leader,
    for a drain, for a node's daemon, or for a Job's result.

    `groups` counts failed requests by the kind of their cause. `drain_s` is how long after a pod's deletion the last
    request failed that a drain would have spared; None if none did. `closed_after_s` is how long after its stop signal
    a pod first closed its socket on somebody. `refused` is what the API said of an eviction that was given up.
    `unmanned_s` is how long a node was without its daemon in a rollout, `together_s` how long two pods of a Job worked
    at once. `filled` names the volumes over whose limit the kubelet evicted a pod.
    """

    path: str
    shape: Shape
    workload: Workload
    groups: Counter[str]
    failed: int = 0
    requests: int = 0
    longest_s: float = 0.0
    drain_s: float | None = None
    unlistened_s: float | None = None
    reused: int = 0
    in_flight: InFlight | None = None
    in_flight_s: float = 0.0
    streams: list[Streams] = field(default_factory=list)
    expired_s: float | None = None
    overlap_s: float = 0.0
    closed_after_s: float | None = None
    refused: str = ""
    unmanned_s: float = 0.0
    together_s: float = 0.0
    filled: frozenset[str] = frozenset()

    @property
    def felt(self) -> bool:
        """Whether anybody was hurt."""
        flying = self.in_flight
        return bool(
            self.failed or self.longest_s or self.reused or self.expired_s or self.overlap_s
            or self.refused or self.unmanned_s or self.together_s
            or any(one.cut + one.silent + one.lost for one in self.streams)
            or (flying and (flying.failed or flying.lost or flying.doubled))
        )  # fmt: skip


def hurt(seen: Evidence) -> Hurt | None:
    """What was felt of the app that was deployed; None where the history does not tell what that is."""
    history = seen.history
    shape = Shape.of(one for deployed in history.of(Deployed) for one in deployed.manifests)
    workload = _measured(history, shape)
    if workload is None:
        return None
    # The prober `service` is the users'; one that keeps its connections has causes of its own.
    main = seen.traffic.get("service") or next(iter(seen.traffic.values()), None)
    passed = [one for one in (seen.failover.handovers if seen.failover else []) if _expired(one.phases)]
    started = history.of(ScenarioStarted)
    path = started[0].path if started else ""
    return Hurt(
        path=path,
        shape=shape,
        workload=workload,
        groups=_grouped(main.causes if main else {}),
        failed=main.errors if main else 0,
        requests=main.requests if main else 0,
        longest_s=max((one.estimate_s for one in main.outages), default=0.0) if main else 0.0,
        drain_s=drain_s(history),
        unlistened_s=_unlistened_s(history),
        reused=sum(one.broken for one in seen.kept.values()),
        in_flight=seen.in_flight,
        in_flight_s=_in_flight_s(history),
        streams=list(seen.streams.values()),
        expired_s=max((one.gap_s for one in passed), default=None) if seen.failover else _expired_s(history),
        overlap_s=seen.failover.overlap_s if seen.failover else 0.0,
        closed_after_s=_closed_after_s(main.causes if main else {}),
        refused=_refused(history),
        unmanned_s=_unmanned_s(history, workload) if path == "rollout" else 0.0,
        together_s=_together_s(history, workload),
        filled=_filled(history),
    )


def _measured(history: History, shape: Shape) -> Workload | None:
    """The workload whose Service was asked, else the first one."""
    targets = [one.target for one in history.of(ProbeStarted) if one.probe == "service"]
    for name in (host_of(one).partition(".")[0] for one in targets):
        for _, service in shape.of_kind("Service"):
            if service["metadata"]["name"] == name:
                return next((one for one in shape.workloads if sends_to(service, one)), None)
    return shape.workloads[0] if shape.workloads else None


def _expired_s(history: History) -> float | None:
    """The longest time from a holder's last renewal until another took its Lease, which had expired; else None.

    It is for leaders that tell nothing of their work.
    """
    gaps = [0]
    last: dict[str, LeaseSeen] = {}
    for lease in history.of(LeaseSeen):
        old = last.get(lease.name)
        last[lease.name] = lease
        if old and old.holder and lease.holder not in ("", old.holder) and old.renew_ns and lease.acquire_ns:
            gap_ns = lease.acquire_ns - old.renew_ns
            gaps.append(gap_ns if gap_ns >= old.duration_s * NS_PER_S else 0)
    return seconds(max(gaps)) or None


def _expired(phases: list[Phase]) -> bool:
    return any(one.what == "expired" for one in phases)


def _grouped(found: dict[str, int]) -> Counter[str]:
    groups: Counter[str] = Counter()
    for cause, count in found.items():
        groups[group(cause)] += count
    return groups


def drain_s(history: History) -> float | None:
    """See `Hurt`: of the prober `service`, from the deletion of the pod that is named as the cause of a failure.

    Of several the one that was deleted last; it has to have been shortly before.
    """
    requests, known = history.requests("service"), lives(history)
    deleted = {known[uid].name: one.t_ns for uid, one in deletions(history).items()}
    if not len(requests) or not deleted:
        return None
    found = [
        sent_ns - max(since)
        for row, cause in each_cause(requests, World(history, "service"))
        for sent_ns in [int(requests.sent_ns[row])]
        if group(cause) in DRAINABLE
        and (since := [t for name, t in deleted.items() if name in cause and sent_ns - NEAR_NS <= t <= sent_ns])
    ]
    return seconds(max(found)) if found else None


def _unlistened_s(history: History) -> float | None:
    """For how long a new pod was Ready before it listened, at most; None if none was."""
    early = [_early_ns(life) for life in lives(history).values()]
    longest = max(early, default=0)
    return seconds(longest) if longest > 0 else None


def _early_ns(life: PodLife) -> int:
    listens = life.said_ns("listening")
    return 0 if listens is None or life.ready_ns is None else listens - life.ready_ns


def _in_flight_s(history: History) -> float:
    """The longest that a request in flight took that was answered."""
    names = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "inflight"]
    took = [0]
    for name in names:
        requests = history.requests(name, warm_up=True)
        took += (requests.end_ns - requests.sent_ns)[requests.ok].tolist()
    return math.ceil(seconds(max(took)) * 10) / 10


def _closed_after_s(found: dict[str, int]) -> float | None:
    """See `Hurt`, by the words of the causes."""
    told = [re.search(r"\((\d+) ms after its stop signal\)", cause) for cause in found]
    return min((int(one[1]) / 1000 for one in told if one), default=None)


def _refused(history: History) -> str:
    """What the API said last of an eviction that a budget refused and that was never accepted; empty if none was."""
    accepted = {act.uid for act in history.of(Act) if (act.verb, act.status) == ("evict", "done")}
    return next((str(act.detail["why"]) for act in reversed(refusals(history)) if act.uid not in accepted), "")


def _unmanned_s(history: History, workload: Workload) -> float:
    """The longest time that a node was without an available pod of a DaemonSet that it had one of."""
    acts = history.of(Act)
    if workload.kind != "DaemonSet" or not acts:
        return 0.0
    return max(node_gaps_s(pods(history, **workload.labels), acts[0].t_ns).values(), default=0.0)


def _together_s(history: History, workload: Workload) -> float:
    """How long, at least, two pods of a Job that runs one at a time were at work at once."""
    if workload.kind != "Job" or whole(at(workload.manifest, "spec", "parallelism"), 1) != 1:
        return 0.0
    span = together_s(pods(history, **workload.labels))
    return 0.0 if isinstance(span, str) else span[0]


def _filled(history: History) -> frozenset[str]:
    """The emptyDirs of which the kubelet said that they exceed their limit."""
    told = [re.search(r'EmptyDir volume "([^"]+)" exceeds', event.message) for event in events(history, "Evicted")]
    return frozenset(one[1] for one in told if one)
