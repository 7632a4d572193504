"""A pod that runs but is not Ready is evicted, under a budget that it cannot satisfy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.evict import RETRY_S, evict_all, need_evicted
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.lives import lives
from harness.proof import Proof

BOUND_S = 10.0


@dataclass(frozen=True, slots=True)
class EvictUnready(Path):
    """Evict the oldest pod with these labels, which runs and was never Ready; its replacement need not be either."""

    name: ClassVar[str] = "evict-unready"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction",)
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Evict it once its containers run, for until then no budget is asked; wait until another runs instead."""
        pod = site.running(self.selector)[0]
        uid = pod["metadata"]["uid"]
        evict_all(site, [pod], BOUND_S, RETRY_S)
        site.wait_gone({uid}, grace_s(pod) + WHOLE_AGAIN_S)
        site.running(self.selector)

    def proof(self, history: History) -> Proof:
        """The pod was never Ready, was evicted at the first try, and another was made."""
        proof = Proof()
        gone = victims(history, "evict")
        proof.need("the eviction was accepted", bool(gone))
        tries = len(acts(history, "evict", "begin"))
        proof.need(f"the eviction was accepted at the first try (tries: {tries})", tries == 1)
        for life in gone:
            ran = any(one.phase == "Running" and any(c.state == "running" for c in one.containers) for one in life.seen)
            proof.need(f"pod {life.name} ran", ran)
            proof.need(f"pod {life.name} was never Ready", life.ready_ns is None)
            need_evicted(proof, life)
            new = [one for one in lives(history).values() if one.first_seen_ns > life.first_seen_ns]
            new = [one for one in new if one.labels == life.labels]
            proof.need(f"another pod was made: {', '.join(one.name for one in new) or 'none'}", bool(new))
        return proof
