"""Advice: from what users felt and the app's shape to a change, with the figures that speak for it.

A table of remedies (see `remedies`, `code_remedies`): each says for which restart paths and kinds of causes it is, and
makes its change where the shape asks for it. All that fit are given. Where nobody was hurt there is nothing to advise.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from harness import patch
from harness.judge.code_remedies import (
    connection_close,
    end_streams,
    ephemeral,
    fence,
    release,
    retry,
    shorter_lease,
    stop_work_first,
    watch_nodes,
)
from harness.judge.expectation import Evidence
from harness.judge.hurt import Hurt, hurt
from harness.judge.remedies import (
    bridge,
    budget,
    create_first,
    in_place,
    pre_stop,
    readiness,
    readiness_first,
    second_replica,
    wider_grace,
)
from harness.judge.workload_remedies import after_the_old, larger_limit, surge, unblock
from harness.manifests import Manifest
from harness.results import Advice

DELETED: Final = frozenset(["delete", "rollout", "evict", "drain", "preempt", "taint", "scale", "delete-past-budget"])
"""Paths that delete pods through the API, so that a preStop hook drains."""

GAP: Final = DELETED - {"rollout", "scale"}
"""Those of them that take a pod before its replacement is there."""

RESTARTED: Final = frozenset(["liveness", "hang", "crash", "kill", "resize", "restart-all", "oom", "startup"])
"""Paths that stop a container alone: nothing drains."""

EVICTED: Final = frozenset(["disk", "ephemeral-limit"])
"""Paths on which the kubelet stops a pod by itself: nothing drains."""

EVICT: Final = frozenset(["evict", "evict-blocked", "drain"])
"""Paths that ask budgets."""

ANY: Final[frozenset[str]] = frozenset()

Make = Callable[[Hurt], Advice | None]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A kind of advice: for these paths and kinds of causes (none: for any). `make` says None where it does not fit."""

    paths: frozenset[str]
    groups: frozenset[str]
    make: Make


REMEDIES: Final[tuple[Remedy, ...]] = (
    Remedy(frozenset(["rollout"]), ANY, create_first),
    Remedy(DELETED | RESTARTED, ANY, readiness),
    Remedy(EVICT, ANY, unblock),
    Remedy(DELETED | EVICT, ANY, pre_stop),
    Remedy(GAP | EVICT | RESTARTED | EVICTED | {"node-down", "readiness"}, ANY, second_replica),
    Remedy(GAP, frozenset(["empty", "late-routing"]), bridge),
    Remedy(frozenset(["drain"]), ANY, budget),
    Remedy(frozenset(["liveness", "hang"]), ANY, readiness_first),
    Remedy(frozenset(["resize"]), ANY, in_place),
    Remedy(frozenset(["crash", "kill", "oom", "restart-all"]), ANY, retry),
    Remedy(EVICTED, ANY, larger_limit),
    Remedy(EVICTED, ANY, ephemeral),
    Remedy(frozenset(["rollout"]), ANY, surge),
    Remedy(DELETED, ANY, after_the_old),
    Remedy(frozenset(["node-down"]), ANY, watch_nodes),
    Remedy(DELETED, ANY, connection_close),
    Remedy(DELETED, ANY, wider_grace),
    Remedy(DELETED, ANY, end_streams),
    Remedy(frozenset(["handover", "rollout"]), ANY, release),
    Remedy(frozenset(["leader-crash"]), ANY, shorter_lease),
    Remedy(frozenset(["handover"]), ANY, stop_work_first),
    Remedy(frozenset(["leader-freeze", "leader-cut"]), ANY, fence),
)


def advise(seen: Evidence) -> list[Advice]:
    """What to change, so that users are spared what they felt; empty if they felt nothing."""
    felt = hurt(seen)
    if felt is None or not felt.felt:
        return []
    fitting = [
        one for one in REMEDIES if felt.path in one.paths and (not one.groups or one.groups & felt.groups.keys())
    ]
    found = [made for one in fitting if (made := one.make(felt)) is not None]
    return list({one.code: one for one in found}.values())


def apply(advice: Iterable[Advice], manifests: Iterable[Manifest]) -> list[Manifest]:
    """The manifests with the changes of an advice made."""
    return patch.patched(manifests, (one for piece in advice for one in piece.patch))
