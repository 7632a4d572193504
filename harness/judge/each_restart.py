"""Each of many restarts in one scenario by itself: what is expected of one, by the requests from it to the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import results
from harness.history import History
from harness.judge.expectation import Evidence, Expectation, all_hold
from harness.judge.traffic import traffic
from harness.records import Act, ProbeStarted

RESTART = "restart"
"""The verb of the acts with which restarts in turn begin."""

_FOR_EVER_NS = 2**62

Limits = Mapping[str, Sequence[Expectation]]
"""What is expected of a restart, by the name of its path."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """One restart. `holds` is None where it cannot be told; `seen` says what was broken, or could not be told."""

    path: str
    begin_ns: int
    holds: bool | None
    seen: str


def restarts(history: History, limits: Limits) -> list[Restarted]:
    """Every restart, judged by the requests that were due from its begin to the next one's.

    Each path that was taken must be in `limits`. Without any request in its span a restart cannot be told.
    """
    acts = [act for act in history.of(Act) if (act.verb, act.status) == (RESTART, "begin")]
    edges = [act.t_ns for act in acts] + [_FOR_EVER_NS]
    probes = [one.probe for one in history.of(ProbeStarted) if one.role == "measure"]
    found = []
    for act, begin_ns, end_ns in zip(acts, edges[:-1], edges[1:], strict=True):
        path = act.detail["path"]
        felt = {name: traffic(history.requests(name).between(begin_ns, end_ns)) for name in probes}
        told = [one(Evidence(history, felt)) for one in limits[path]]
        wrong = [f"{one.what} (seen: {one.seen})" for one in told if not one.holds]
        found.append(Restarted(path, begin_ns, all_hold(one.holds for one in told), "; ".join(wrong)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EachRestart(Expectation):
    """Each restart keeps the limits of its path; where that cannot be told of one, it does not count as kept."""

    limits: Limits

    @property
    def of_traffic(self) -> bool:
        """It is."""
        return True

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = restarts(evidence.history, self.limits)
        bad = [f"{n} of {len(found)} ({one.path}): {one.seen}" for n, one in enumerate(found, 1) if not one.holds]
        what = f"each of {len(found)} restarts keeps its limits"
        holds = all(one.holds for one in found) if found else None
        return self.told(what, "; ".join(bad) or "all did", holds)
