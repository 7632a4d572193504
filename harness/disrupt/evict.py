"""A pod is evicted through the Eviction API, as by a drain; budgets are honoured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Pod, Site, grace_s
from harness.errors import KubeError
from harness.history import History
from harness.proof import Proof, has_condition
from harness.wait import until

RETRY_S = 0.5
REFUSED = 429


@dataclass(frozen=True, slots=True)
class Evict(Path):
    """Evict `count` pods with these labels at once; one that a budget refuses is asked for again until `bound_s`."""

    name: ClassVar[str] = "evict"
    selector: Mapping[str, str]
    count: int = 1
    bound_s: float = 60.0

    def act(self, site: Site) -> None:
        """Evict, again where refused, then wait until the workload is whole again."""
        pods = site.pods(self.selector)
        waiting = pods[: self.count]
        uids = {pod["metadata"]["uid"] for pod in waiting}
        longest_grace_s = max(map(grace_s, waiting), default=0)

        def all_evicted() -> bool:
            waiting[:] = [pod for pod in waiting if not _evicted(site, pod)]
            return not waiting

        def refused() -> str:
            return ", ".join(pod["metadata"]["name"] for pod in waiting) + " refused"

        until(all_evicted, "the budget to let all go", self.bound_s, every_s=RETRY_S, last=refused)
        site.wait_gone(uids, longest_grace_s + WHOLE_AGAIN_S)
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """Each pod has the condition that the Eviction API sets, was marked, ended and left; new ones came."""
        proof = Proof()
        gone = victims(history, "evict")
        proof.need(
            f"{self.count} evictions were accepted", len(acts(history, "evict", "done")) == len(gone) == self.count
        )
        for life in gone:
            shown = has_condition(life, "DisruptionTarget", reason="EvictionByEvictionAPI")
            proof.need(f"pod {life.name} has DisruptionTarget=True, EvictionByEvictionAPI", shown)
            need_stopped(proof, life)
        need_replaced(proof, history, gone)
        return proof


def _evicted(site: Site, pod: Pod) -> bool:
    """Ask once; the answer is written to the history."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    site.say("evict", f"pod/{name}", "begin", uid)
    try:
        site.kube.evict(name, site.namespace)
    except KubeError as exc:
        if exc.status != REFUSED:
            raise
        site.say("evict", f"pod/{name}", "refused", uid, code=exc.status, message=str(exc), body=exc.body)
        return False
    site.say("evict", f"pod/{name}", "done", uid)
    return True
