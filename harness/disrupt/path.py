"""What every restart path is."""

import math
import re
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from harness.disrupt.site import NEEDS_NODES, NEEDS_OWN_NODES, Site
from harness.history import History
from harness.lives import PodLife, lives
from harness.nodes import Nodes
from harness.proof import Proof
from harness.records import Act

OWN_LABELS = {
    "pod-template-hash", "pod-template-generation", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
}  # fmt: skip
"""Labels that controllers give to one pod, or to the pods of one template."""

OnNodes = Literal["", "changes", "breaks"]
"""What a path does to nodes: nothing; it changes or crowds them, as the API lets one; it breaks what they run on."""


class Path(ABC):
    """One way a pod or container is stopped and comes back. The first sentence of its docstring says what it does."""

    name: ClassVar[str]
    rights: ClassVar[tuple[str, ...]] = ()
    """What it needs beyond the rights of every run, in words as `create pods/eviction`; see `harness.rights`."""

    on_nodes: ClassVar[OnNodes] = ""
    gate: ClassVar[str] = ""
    """The feature gate without which the cluster cannot do it."""

    def needs(self, site: Site) -> str:
        """Why this cluster cannot do it and what would be needed; empty if it can. Nothing is changed."""
        return barred(self.on_nodes, site.nodes)

    @abstractmethod
    def act(self, site: Site) -> None:
        """Trigger the restart and return when it has come to its end. Every step is written to the history."""

    @abstractmethod
    def proof(self, history: History) -> Proof:
        """What the cluster itself showed of the cause; reads the history alone."""

    def restarted(self, history: History) -> int:  # noqa: ARG002 - those that restart more than once look
        """How many restarts it stands for, each of which may go well or not."""
        return 1

    def heal(self, site: Site) -> None:  # noqa: B027 - most paths leave nothing to heal
        """Undo what was left of the act; run after a failure too."""


def barred(on_nodes: OnNodes, nodes: Nodes | None) -> str:
    """Why a path may not do to nodes what it does; empty if it may."""
    if on_nodes == "breaks" and not (nodes and nodes.breakable):
        return NEEDS_OWN_NODES
    return NEEDS_NODES if on_nodes and nodes is None else ""


def does(path: type[Path]) -> str:
    """The first sentence of a path's docstring."""
    text = " ".join((path.__doc__ or "").split())
    return re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].rstrip(".;:")


def acts(history: History, verb: str, status: str) -> list[Act]:
    """The steps of one verb that ended in one way."""
    return [act for act in history.of(Act) if (act.verb, act.status) == (verb, status)]


def victims(history: History, verb: str, status: str = "done") -> list[PodLife]:
    """The lives of the pods that these steps were done to, in that order; those never seen are left out."""
    known = lives(history)
    return [known[act.uid] for act in acts(history, verb, status) if act.uid in known]


def need_stopped(proof: Proof, life: PodLife) -> None:
    """The pod was marked for deletion, ran its stop and left."""
    proof.need(f"pod {life.name} got a deletionTimestamp, with {life.grace_s} s of grace", life.deletion_ns is not None)
    exits = life.exits()
    codes = ", ".join(f"{end.container} {end.code}" for end in exits)
    proof.need(f"the containers of {life.name} ended (exit codes: {codes or 'none seen'})", bool(exits))
    proof.need(f"pod {life.name} ({life.uid[:8]}) left the API", life.gone_ns is not None)


def need_replaced(proof: Proof, history: History, gone: list[PodLife]) -> None:
    """For each pod that went, another of the same workload became Ready that was not there before the first act.

    One that came may have gone in its turn.
    """
    begin_ns = min((act.t_ns for act in history.of(Act)), default=math.inf)
    labels = {key: value for key, value in gone[0].labels.items() if key not in OWN_LABELS} if gone else {}
    new = [
        life
        for life in lives(history).values()
        if labels.items() <= life.labels.items() and life.first_seen_ns >= begin_ns and life.ready_ns is not None
    ]
    names = ", ".join(life.name for life in new) or "none"
    proof.need(f"as many new pods became Ready: {names}", bool(gone) and len(new) >= len(gone))
