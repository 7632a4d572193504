"""A container passes its memory limit: the kernel kills it, with no grace and no hook, and the kubelet restarts it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.crash import need_by_itself, post, wait_restarted
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, restarts
from harness.history import History
from harness.proof import Proof

KILLED = 137


@dataclass(frozen=True, slots=True)
class ExceedMemory(Path):
    """Make the process of one pod with these labels take memory until it is killed, by POST /hog."""

    name: ClassVar[str] = "oom"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    selector: Mapping[str, str]
    port: int = 8080

    def needs(self, site: Site) -> str:
        """A pod with a memory limit: without one it would take the node's."""
        containers = [one for pod in site.pods(self.selector) for one in pod["spec"]["containers"]]
        limited = all(one.get("resources", {}).get("limits", {}).get("memory") for one in containers)
        return "" if containers and limited else "passing a memory limit needs pods that set one"

    def act(self, site: Site) -> None:
        """Let it grow, and wait until it is back."""
        pod = site.pods(self.selector)[0]
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        site.say("hog", f"pod/{name}", "begin", uid)
        post(site, name, self.port, "/hog")
        site.say("hog", f"pod/{name}", "done", uid)
        wait_restarted(site, name, uid, restarts(pod))

    def proof(self, history: History) -> Proof:
        """The container ended with 137, OOMKilled, and was restarted in its pod, which nobody deleted or stopped."""
        proof = Proof()
        hit = victims(history, "hog")
        proof.need("the process was told to take memory", len(acts(history, "hog", "done")) == len(hit) == 1)
        for life in hit:
            ends = [(end.code, end.reason) for end in life.exits()]
            told = ", ".join(f"{code} {reason}" for code, reason in ends) or "none"
            proof.need(f"it ended by the kernel: {told}", ends == [(KILLED, "OOMKilled")])
            proof.need("its restart count rose by 1", life.restarts() == 1)
            need_by_itself(proof, history, life)
        return proof
