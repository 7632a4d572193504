"""What a frozen and a cut-off leader share: a spell, with a begin and an end, in which it cannot renew its Lease."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader import (
    AGAIN_S,
    HAND_PORT,
    leading_pod,
    leases,
    need_passed,
    wait_passed,
    wait_restarted,
    wait_said,
)  # fmt: skip
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof


@dataclass(frozen=True, slots=True)
class LeaderSpell(Path):
    """A spell of `for_s` seconds, which must outlast the lease, by the hand in the leader's pod.

    See `workloads/controller/hand.py`. `words` are the hand's for the spell's begin and end.
    """

    verb: ClassVar[str]
    words: ClassVar[tuple[str, str]]
    lease: str
    selector: Mapping[str, str]
    for_s: float

    @abstractmethod
    def order(self, site: Site) -> str:
        """The path of the request to the hand."""

    def act(self, site: Site) -> None:
        """Begin it, then wait until another holds the Lease, it is over, and the old leader has found out and left."""
        old, leader = leading_pod(site, self.lease, self.selector)
        name, uid = leader["metadata"]["name"], leader["metadata"]["uid"]
        order = self.order(site)
        site.say(self.verb, f"pod/{name}", "begin", uid, holder=old, order=order)
        site.kube.pod_post(site.namespace, name, HAND_PORT, order)
        site.say(self.verb, f"pod/{name}", "done", uid, holder=old)
        wait_passed(site, self.lease, old)
        wait_said(site, leader, self.words[1], self.for_s + AGAIN_S)
        wait_restarted(site, leader, AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The hand told of it, and meanwhile the Lease was not renewed but passed to another."""
        proof = Proof()
        done, hit = acts(history, self.verb, "done"), victims(history, self.verb)
        proof.need(f"{self.verb} was done to a pod that was seen", bool(hit) and len(hit) == len(done))
        for life, act in zip(hit, done, strict=False):
            self._need_spell(proof, history, life, act.detail["holder"])
            need_passed(proof, history, self.lease, act.detail["holder"])
        return proof

    def _need_spell(self, proof: Proof, history: History, life: PodLife, old: str) -> None:
        """All moments are of one clock, the pod's."""
        begin, end = self.words
        began, ended = life.said_ns(begin), life.said_ns(end)
        proof.need(f"the hand of {life.name} said {begin}, and later {end}", None not in (began, ended))
        renewals = [one.renew_ns for one in leases(history, self.lease) if one.holder == old and one.renew_ns]
        renewed = [moment for moment in renewals if (began or 0) < moment < (ended or 0)]
        proof.need(f"{old} renewed nothing between {begin} and {end}", not renewed)
