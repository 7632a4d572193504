"""A pod is deleted through the API, as by kubectl, an operator or a scale-down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof

WHOLE_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Delete(Path):
    """Delete `count` pods with these labels, one right after the other; budgets are not asked."""

    name: ClassVar[str] = "delete"
    selector: Mapping[str, str]
    count: int = 1
    grace_s: int | None = None

    def act(self, site: Site) -> None:
        """Delete the oldest pods, then wait until they are gone and the workload is whole again."""
        pods = site.pods(self.selector)
        chosen = pods[: self.count]
        for pod in chosen:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            site.say("delete", f"pod/{name}", "begin", uid)
            site.kube.delete_pod(name, site.namespace, self.grace_s, uid)
            site.say("delete", f"pod/{name}", "done", uid)
        uids = {pod["metadata"]["uid"] for pod in chosen}
        site.wait_gone(uids, max(map(grace_s, chosen), default=0) + WHOLE_AGAIN_S)
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """Each pod was marked, ended and left; new ones came."""
        proof = Proof()
        gone = victims(history, "delete")
        proof.need(f"{self.count} pods were deleted", len(acts(history, "delete", "done")) == len(gone) == self.count)
        for life in gone:
            need_stopped(proof, life)
        need_replaced(proof, history, gone)
        return proof
