"""How long an app takes to stop and to start, as restarts showed; and what follows for its settings. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.lives import PodLife, lives
from harness.records import Act
from harness.tune.change import Bench, Setting

SPARE_S: Final = 2
"""What the grace period has over what was measured; the kubelet itself gives a process no less."""

SHUTDOWN_S: Final = 30
"""What a process gets after its sleep while that is measured; Kubernetes' own default."""

KILLED: Final = 137
PERIODS_S: Final = (10, 5, 3, 2, 1)
PART: Final = 4
"""A readiness probe looks so often while a pod starts, so that it makes a rollout longer by a quarter at most."""

STARTS: Final = 3
"""A start may take so many times as long as the longest seen before a startup probe gives up."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The longest seen: from the end of the sleep until a pod's containers had ended (without those that were killed),
    and from a container's start until its pod was Ready; both at most. `killed`: so many pods did not end by themselves
    within the grace period. `rollouts_s`: from each rollout's begin until the last old pod was gone.
    """

    shutdown_s: float | None = None
    start_s: float | None = None
    killed: int = 0
    rollouts_s: tuple[float, ...] = ()

    def __add__(self, other: "Timing") -> "Timing":
        return Timing(
            _longer(self.shutdown_s, other.shutdown_s),
            _longer(self.start_s, other.start_s),
            self.killed + other.killed,
            self.rollouts_s + other.rollouts_s,
        )


NOTHING: Final = Timing()
"""Nothing was seen."""


def _longer(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def timing(history: History, selector: Mapping[str, str], sleep_s: int) -> Timing:
    """What a history shows of the pods with these labels, which sleep so long before they are told to stop."""
    pods = [life for life in lives(history).values() if selector.items() <= life.labels.items()]
    ends = [end for life in pods if (end := _end(life)) is not None]
    shutdowns = [seconds(end_ns - asked_ns) - sleep_s for asked_ns, end_ns, killed in ends if not killed]
    starts = [start for life in pods if (start := _start_s(life)) is not None]
    return Timing(
        shutdown_s=max(0.0, *shutdowns) if shutdowns else None,
        start_s=max(starts, default=None),
        killed=sum(killed for _, _, killed in ends),
        rollouts_s=tuple(_rollouts_s(history, {life.uid: life for life in pods})),
    )


def _end(life: PodLife) -> tuple[int, int, bool] | None:
    """When a pod's deletion was seen, when its last container had ended at the latest, and whether any was killed."""
    asked_ns = life.deletion_seen_ns
    exits = [one for one in life.exits() if asked_ns is not None and one.seen_ns >= asked_ns]
    if asked_ns is None or not exits:
        return None
    # finishedAt has whole seconds, and the watch tells later still: the sooner of the two is the nearer bound.
    ends = [min(one.seen_ns, one.finished_ns + NS_PER_S if one.finished_ns else one.seen_ns) for one in exits]
    return asked_ns, max(ends), any(one.code == KILLED and one.reason != "OOMKilled" for one in exits)


def _start_s(life: PodLife) -> float | None:
    """From the first start of a container, which has whole seconds, until the pod was seen Ready."""
    started = [one.started_ns for seen in life.seen for one in seen.containers if one.started_ns and not one.restarts]
    if life.ready_ns is None or not started:
        return None
    return max(0.0, seconds(life.ready_ns - min(started)))


def _rollouts_s(history: History, pods: Mapping[str, PodLife]) -> list[float]:
    """How long each rollout took, to the last old pod's end; of those whose old pods were all seen to go."""
    groups: list[tuple[int, list[int | None]]] = []
    for act in (act for act in history.of(Act) if act.status == "begin"):
        if act.verb == "rollout":
            groups.append((act.t_ns, []))
        elif act.verb == "replace" and groups:
            groups[-1][1].append(pods[act.uid].gone_ns if act.uid in pods else None)
    whole = [(begin_ns, [end for end in ends if end is not None], len(ends)) for begin_ns, ends in groups]
    return [seconds(max(known) - begin_ns) for begin_ns, known, count in whole if known and len(known) == count]


def generous(bench: Bench, setting: Setting) -> Setting:
    """The setting as it is tried while nothing is known: with time to stop, and readiness looked at each second."""
    own_s = bench.workload.grace_s
    return replace(setting, grace_s=bench.longest_s(setting) + max(SHUTDOWN_S, own_s), ready_period_s=1)


def derived(bench: Bench, setting: Setting, seen: Timing) -> Setting:
    """The setting with what follows from what was seen: grace period, periods of probes.

    An app that was always killed at its grace period's end keeps that.
    """
    longest_s = bench.longest_s(setting)
    if seen.shutdown_s is None:
        grace_s = generous(bench, setting).grace_s
    else:
        grace_s = longest_s + math.ceil(seen.shutdown_s) + SPARE_S
    start_s = seen.start_s or 0.0
    period_s = next(one for one in PERIODS_S if one <= max(1.0, start_s / PART))
    startup_s = max(1, math.ceil(STARTS * start_s))
    return replace(setting, grace_s=grace_s, ready_period_s=period_s, startup_s=startup_s)
