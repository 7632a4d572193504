"""The process that holds a Lease is killed: nothing is released, and its container comes back in the same pod."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader import (
    AGAIN_S,
    CONTROLLER,
    HAND_PORT,
    leading_pod,
    need_passed,
    wait_passed,
    wait_restarted,
)  # fmt: skip
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site
from harness.history import History
from harness.proof import Proof

KILLED = 137


@dataclass(frozen=True, slots=True)
class CrashLeader(Path):
    """Kill the leader (SIGKILL) by the hand in its pod; see `workloads/controller/hand.py`."""

    name: ClassVar[str] = "leader-crash"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    lease: str
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Kill it, then wait until another holds the Lease and the container runs again."""
        old, leader = leading_pod(site, self.lease, self.selector)
        name, uid = leader["metadata"]["name"], leader["metadata"]["uid"]
        site.say("crash-leader", f"pod/{name}", "begin", uid, holder=old)
        site.kube.pod_post(site.namespace, name, HAND_PORT, "/kill")
        site.say("crash-leader", f"pod/{name}", "done", uid, holder=old)
        wait_passed(site, self.lease, old)
        wait_restarted(site, leader, AGAIN_S)

    def proof(self, history: History) -> Proof:
        """Its container ended by SIGKILL in a pod that stayed, and the Lease passed to another identity."""
        proof = Proof()
        hit = victims(history, "crash-leader")
        proof.need("the leader was killed", bool(hit))
        for life in hit:
            codes = [end.code for end in life.exits(CONTROLLER)]
            proof.need(f"the controller of {life.name} ended with {codes or 'no exit code'}", KILLED in codes)
            proof.need(f"pod {life.name} was not deleted", life.deletion_seen_ns is None)
        for act in acts(history, "crash-leader", "done"):
            need_passed(proof, history, self.lease, act.detail["holder"])
        return proof
