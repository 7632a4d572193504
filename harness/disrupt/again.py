"""A pod that is being deleted is deleted again, with a shorter grace period: this changes the API only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.force import need_outlived, wait_silent
from harness.disrupt.path import Path, acts, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.disrupt.stop import END_S, ask, need_asked, need_grace, need_killing, the_pod
from harness.history import History
from harness.proof import Proof, events
from harness.wait import until

BEGUN_S = 15.0


@dataclass(frozen=True, slots=True)
class DeleteAgain(Path):
    """Delete the pod with these labels, and once the kubelet stops it, again with `grace_s`, which 0 makes a force.

    The API counts `grace_s` from the first deletion on; one that is over by the second becomes 1: leave it some room.
    """

    name: ClassVar[str] = "delete-again"
    selector: Mapping[str, str]
    grace_s: int

    def act(self, site: Site) -> None:
        """Delete twice, then wait until the pod is gone, and by force until its process has fallen silent."""
        pod = the_pod(site, self.selector)
        uid = pod["metadata"]["uid"]
        ask(site, pod, None, evict=False)
        until(
            lambda: bool(events(site.recorder.history(), "Killing", uid)), "the kubelet to begin with the stop", BEGUN_S
        )
        ask(site, pod, self.grace_s, evict=False)
        site.wait_gone({uid}, grace_s(pod) + END_S)
        if not self.grace_s:
            wait_silent(site, pod["metadata"]["name"], grace_s(pod) + END_S)

    def proof(self, history: History) -> Proof:
        """Both deletions were accepted; the API took the second one's grace period."""
        proof = need_asked(history, evict=False, times=2)
        for life in victims(history, "delete")[:1]:
            need_grace(proof, history, life)
            need_killing(proof, history, life)
            taken = {pod.grace_s for pod in life.seen}
            proof.need(f"deletionGracePeriodSeconds became {self.grace_s}", self.grace_s in taken)
            if self.grace_s:
                need_stopped(proof, life)
            else:
                need_outlived(proof, life, acts(history, "delete", "done")[-1].t_ns)
        return proof
