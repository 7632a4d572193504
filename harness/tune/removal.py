"""How long the removal of an endpoint takes to reach the data path, by new connections to pods that serve on. Pure.

A pod that is deleted, and sleeps before its stop, answers whoever still reaches it. So the last connection that
reached it, seen from a node, tells when that node's routing had followed.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.judge.bounds import quantile_at_most, upper_bound
from harness.judge.partial import missed_at_most
from harness.lives import PodLife, lives
from harness.records import Act, PodSeen, ProbeStarted
from harness.requests import Requests
from harness.results import Model

NEAR_NS = NS_PER_S
"""A pod that is routed to has answered so shortly before its deletion."""

Place = Literal["own", "beside", "apart"]
PLACES: Final[dict[Place, str]] = {
    "own": "from the pod's own node",
    "beside": "from a node with other pods of it",
    "apart": "from a node without any",
}

EDGE_NS = NS_PER_S // 2
"""Reached so shortly before its stop signal, a pod was perhaps reached after it too."""


@dataclass(frozen=True, slots=True)
class Removal:
    """One deletion as seen from one node: the last connection that reached the pod was sent `low_s` after its deletion,
    and any later one within `high_s`, at 99 %; infinite if the pod was reached as long as it was there.
    """

    uid: str
    seen_from: Place
    low_s: float
    high_s: float


def removals(history: History, selector: Mapping[str, str]) -> list[Removal]:
    """Every deletion of a pod with these labels from every node with a prober, where it was routed to until then."""
    known = {uid: life for uid, life in lives(history).items() if selector.items() <= life.labels.items()}
    near = {life.node for life in known.values()}
    asked = {act.uid: act.t_ns for act in reversed(history.of(Act)) if (act.verb, act.status) == ("delete", "begin")}
    done = {act.uid: act.t_ns for act in history.of(Act) if (act.verb, act.status) == ("delete", "done")}
    nodes = {pod.name: pod.node for pod in history.of(PodSeen) if pod.node}
    found = []
    for probe in (one for one in history.of(ProbeStarted) if one.role == "measure"):
        requests = history.requests(probe.probe)
        for uid, done_ns in done.items():
            life = known.get(uid)
            seen_ns = life.deletion_seen_ns if life else None
            if life is None or seen_ns is None:
                continue
            marked_ns = min(done_ns, seen_ns)
            span = _span(requests, life, asked.get(uid, marked_ns), marked_ns)
            if span is not None:
                node = nodes.get(probe.pod, "")
                place: Place = "own" if node == life.node else "beside" if node in near else "apart"
                found.append(Removal(uid, place, *span))
    return found


def _span(requests: Requests, life: PodLife, asked_ns: int, marked_ns: int) -> tuple[float, float] | None:
    """See `Removal`. The deletion was asked for at one moment, and was known to be done at the other."""
    own = np.array([pod == life.name for pod in requests.pod], dtype=bool) & requests.ok
    sent = requests.sent_ns
    if not (own & (sent >= asked_ns - NEAR_NS) & (sent < asked_ns)).any():
        return None
    reached = sent[own & (sent >= marked_ns)]
    last_ns = int(reached.max()) if len(reached) else marked_ns
    end_ns = life.signal_ns or life.gone_ns
    if end_ns is not None and last_ns >= end_ns - EDGE_NS:
        return seconds(last_ns - marked_ns), math.inf
    near = (sent > last_ns - NEAR_NS) & (sent <= last_ns) & requests.ok
    pods = len({pod for pod, close in zip(requests.pod, near.tolist(), strict=True) if close})
    spacing_ns = float(np.median(np.diff(np.sort(sent))))
    unseen_ns = spacing_ns * missed_at_most(1 / max(pods, 1))
    return seconds(last_ns - marked_ns), seconds(round(last_ns - asked_ns + unseen_ns))


class Spread(Model):
    """How long removals took, of so many: seconds; each deletion counts once, by the slowest of the nodes.

    `most_s` bounds the share `share` of all removals at 95 %; `half_s` bounds half of them, where there were enough.
    """

    where: str
    count: int
    least_s: float
    median_s: float
    half_s: float | None
    most_s: float
    share: float

    @property
    def words(self) -> str:
        """In a sentence."""
        half = f", half of them within {self.half_s:.2f} s" if self.half_s is not None else ""
        return (
            f"{self.where}: {self.count} removals took {self.least_s:.2f} to {self.most_s:.2f} s, median"
            f" {self.median_s:.2f} s; at 95 % at least {math.floor(100 * self.share)} % of all take no longer{half}"
        )


def spread(found: Sequence[Removal], where: str) -> Spread | None:
    """The distribution of the upper ends; None without any that came to an end."""
    slowest: dict[str, float] = {}
    for one in found:
        slowest[one.uid] = max(slowest.get(one.uid, 0.0), one.high_s)
    values = sorted(slowest.values())
    if not values or math.isinf(values[-1]):
        return None
    half = quantile_at_most(values, 0.5)
    return Spread(
        where=where, count=len(values), least_s=values[0], median_s=statistics.median(values), half_s=half,
        most_s=values[-1], share=1 - upper_bound(0, len(values)),
    )  # fmt: skip


def by_node(found: Sequence[Removal]) -> list[Spread]:
    """From all nodes, then from each kind that there was."""
    kinds = [("from all nodes", list(found))]
    kinds += [(where, [one for one in found if one.seen_from == place]) for place, where in PLACES.items()]
    made = [spread(those, where) for where, those in kinds if those]
    return [one for one in made if one is not None]
