"""When the deletions of pods were asked for."""

from typing import Final, NamedTuple

from harness.clock import NS_PER_S
from harness.history import History
from harness.lives import PodLife, lives
from harness.records import Act

ASKING: Final = frozenset(["delete", "delete-leader", "evict"])
"""The acts that are the request itself. Others, such as a rollout's, lead to it seconds later."""


class Deletion(NamedTuple):
    """`t_ns`: when it was asked for by an act on the pod, or else was seen, which is a little later; `from_ns`: it was
    not asked for before.
    """

    from_ns: int
    t_ns: int


def deletions(history: History) -> dict[str, Deletion]:
    """The first of each pod that was deleted, by uid. What was refused was not one."""
    known = lives(history)
    found = {uid: _seen(life, at_ns) for uid, life in known.items() if (at_ns := life.deletion_seen_ns) is not None}
    asked: dict[str, int] = {}
    for act in history.of(Act):
        if act.verb in ASKING and act.uid in found and act.t_ns <= found[act.uid].t_ns:
            if act.status == "begin":
                asked[act.uid] = act.t_ns
            elif act.status == "refused":
                asked.pop(act.uid, None)
    return found | {uid: Deletion(t_ns, t_ns) for uid, t_ns in asked.items()}


def _seen(life: PodLife, seen_ns: int) -> Deletion:
    """By the deletionTimestamp, which is when its grace period ends, in whole seconds."""
    if life.deletion_ns is None:
        return Deletion(seen_ns, seen_ns)
    return Deletion(min(seen_ns, life.deletion_ns - (life.grace_s or 0) * NS_PER_S), seen_ns)
