"""A pod's eviction is asked for again and again, and a budget never lets it go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.evict import RETRY_S, evict_all
from harness.disrupt.path import Path, acts
from harness.disrupt.site import Site
from harness.errors import WaitTimeout
from harness.history import History
from harness.lives import lives
from harness.proof import Proof, refusals


@dataclass(frozen=True, slots=True)
class EvictBlocked(Path):
    """Ask for the eviction of the oldest pod with these labels, again and again for `bound_s`, then give up."""

    name: ClassVar[str] = "evict-blocked"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction",)
    selector: Mapping[str, str]
    bound_s: float = 10.0

    def act(self, site: Site) -> None:
        """Ask until the bound; why it was given up is written to the history."""
        pod = site.running(self.selector)[0]
        target, uid = f"pod/{pod['metadata']['name']}", pod["metadata"]["uid"]
        try:
            evict_all(site, [pod], self.bound_s, RETRY_S)
        except WaitTimeout as exc:
            site.say("give-up", target, "done", uid, why=str(exc), bound_s=self.bound_s)

    def proof(self, history: History) -> Proof:
        """All was refused by a budget, from the first try to the bound, and the pod lived on untouched."""
        proof = Proof()
        asked, refused = acts(history, "evict", "begin"), refusals(history)
        whole = bool(refused) and len(refused) == len(asked)
        proof.need(f"each of {len(asked)} evictions was refused: 429, cause DisruptionBudget", whole)
        for why in sorted({act.detail["why"] for act in refused}):
            proof.need(f"the API server said: {why}", True)
        given_up = acts(history, "give-up", "done")
        proof.need(f"it was asked for {self.bound_s:g} s, then given up", bool(given_up))
        for act in given_up:
            life = lives(history).get(act.uid)
            untouched = life is not None and life.deletion_seen_ns is None and not life.exits()
            proof.need(f"{act.target} was not marked, and none of its containers ended", untouched)
        return proof
