"""The pod that holds a Lease is deleted: leadership must pass to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.errors import SurviveError
from harness.history import History
from harness.proof import Proof
from harness.records import LeaseSeen
from harness.wait import until

LEASE = ("coordination.k8s.io/v1", "Lease")
TAKEN_OVER_S = 60.0


@dataclass(frozen=True, slots=True)
class Handover(Path):
    """Delete the leader by the Lease `lease`, whose holder's identity begins with its pod's name, as client-go's do."""

    name: ClassVar[str] = "handover"
    lease: str
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Delete the holder's pod, then wait until another holds the Lease and the old pod is gone."""
        old = self._holder(site)
        leader = next((pod for pod in site.pods(self.selector) if old.startswith(pod["metadata"]["name"])), None)
        if leader is None:
            raise SurviveError(f"lease/{self.lease} is held by {old!r}, which is none of the pods under test")
        name, uid = leader["metadata"]["name"], leader["metadata"]["uid"]
        site.say("delete-leader", f"pod/{name}", "begin", uid, holder=old)
        site.kube.delete_pod(name, site.namespace, uid=uid)
        site.say("delete-leader", f"pod/{name}", "done", uid, holder=old)
        until(
            lambda: self._holder(site) not in ("", old), f"a new holder of lease/{self.lease}", TAKEN_OVER_S,
            every_s=0.25, last=lambda: self._holder(site),
        )  # fmt: skip
        site.wait_gone({uid}, grace_s(leader) + TAKEN_OVER_S)

    def proof(self, history: History) -> Proof:
        """The Lease passed from the deleted pod to another, and its count of transitions rose."""
        proof = Proof()
        gone = victims(history, "delete-leader")
        proof.need("the leader's pod was deleted", bool(gone))
        for life in gone:
            need_stopped(proof, life)
            leases = [lease for lease in history.of(LeaseSeen) if lease.name == self.lease]
            before = [lease for lease in leases if lease.holder.startswith(life.name)]
            after = [lease for lease in leases if lease.holder and not lease.holder.startswith(life.name)]
            proof.need(f"lease/{self.lease} was held by {life.name}", bool(before))
            taken = bool(before and after) and after[-1].transitions > before[-1].transitions
            proof.need(f"lease/{self.lease} passed to {after[-1].holder if after else 'nobody'}", taken)
        return proof

    def _holder(self, site: Site) -> str:
        found = site.kube.get(*LEASE, self.lease, site.namespace)
        return str(found["spec"].get("holderIdentity") or "")
