"""The pod that holds a Lease is deleted: leadership must pass to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader import TAKEN_OVER_S, leading_pod, need_passed, wait_passed
from harness.disrupt.path import Path, acts, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof


@dataclass(frozen=True, slots=True)
class Handover(Path):
    """Delete the leader by the Lease `lease`, whose holder's identity begins with its pod's name, as client-go's do."""

    name: ClassVar[str] = "handover"
    lease: str
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Delete the holder's pod, then wait until another holds the Lease and the old pod is gone."""
        old, leader = leading_pod(site, self.lease, self.selector)
        name, uid = leader["metadata"]["name"], leader["metadata"]["uid"]
        site.say("delete-leader", f"pod/{name}", "begin", uid, holder=old)
        site.kube.delete_pod(name, site.namespace, uid=uid)
        site.say("delete-leader", f"pod/{name}", "done", uid, holder=old)
        wait_passed(site, self.lease, old)
        site.wait_gone({uid}, grace_s(leader) + TAKEN_OVER_S)

    def proof(self, history: History) -> Proof:
        """The Lease passed from the deleted pod to another, and its count of transitions rose."""
        proof = Proof()
        gone, done = victims(history, "delete-leader"), acts(history, "delete-leader", "done")
        proof.need("the leader's pod was deleted", bool(gone))
        for life in gone:
            need_stopped(proof, life)
        for act in done:
            need_passed(proof, history, self.lease, act.detail["holder"])
        return proof
