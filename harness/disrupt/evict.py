"""A pod is evicted through the Eviction API, as by a drain; budgets are honoured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Pod, Site, grace_s
from harness.errors import KubeError
from harness.history import History
from harness.kube import explained
from harness.lives import PodLife
from harness.proof import Proof, has_condition
from harness.wait import until

RETRY_S = 0.5
REFUSED = 429


@dataclass(frozen=True, slots=True)
class Evict(Path):
    """Evict `count` pods with these labels at once; one that a budget refuses is asked for again until `bound_s`."""

    name: ClassVar[str] = "evict"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction",)
    selector: Mapping[str, str]
    count: int = 1
    bound_s: float = 60.0

    def act(self, site: Site) -> None:
        """Evict, again where refused, then wait until the workload is whole again."""
        pods = site.pods(self.selector)
        chosen = pods[: self.count]
        uids = {pod["metadata"]["uid"] for pod in chosen}
        evict_all(site, chosen, self.bound_s, RETRY_S)
        site.wait_gone(uids, max(map(grace_s, chosen), default=0) + WHOLE_AGAIN_S)
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """Each pod has the condition that the Eviction API sets, was marked, ended and left; new ones came."""
        proof = Proof()
        gone = victims(history, "evict")
        proof.need(
            f"{self.count} evictions were accepted", len(acts(history, "evict", "done")) == len(gone) == self.count
        )
        for life in gone:
            need_evicted(proof, life)
        need_replaced(proof, history, gone)
        return proof


def need_evicted(proof: Proof, life: PodLife) -> None:
    """The pod has the condition that the Eviction API sets, was marked, ended and left."""
    shown = has_condition(life, "DisruptionTarget", reason="EvictionByEvictionAPI")
    proof.need(f"pod {life.name} has DisruptionTarget=True, EvictionByEvictionAPI", shown)
    need_stopped(proof, life)


def evict_all(site: Site, pods: Sequence[Pod], bound_s: float, every_s: float) -> None:
    """Ask for each pod's eviction until each was accepted; raises WaitTimeout with what refused the rest at the end."""
    waiting = list(pods)
    refusals: list[str] = []

    def all_evicted() -> bool:
        refusals.clear()
        refused = [(pod, why) for pod in waiting if (why := ask(site, pod))]
        waiting[:] = [pod for pod, _ in refused]
        refusals.extend(f"pod {pod['metadata']['name']}: {why}" for pod, why in refused)
        return not waiting

    until(all_evicted, "the budget to let all go", bound_s, every_s=every_s, last=lambda: "; ".join(refusals))


def ask(site: Site, pod: Pod, *, dry_run: bool = False) -> str:
    """Ask once for a pod's eviction; the answer is written to the history. Why it was refused; empty if it was not."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    verb = "ask-eviction" if dry_run else "evict"
    site.say(verb, f"pod/{name}", "begin", uid)
    try:
        site.kube.evict(name, site.namespace, dry_run=dry_run)
    except KubeError as exc:
        if exc.status != REFUSED:
            raise
        why = explained(exc)
        site.say(verb, f"pod/{name}", "refused", uid, code=exc.status, message=str(exc), body=exc.body, why=why)
        return why
    site.say(verb, f"pod/{name}", "done", uid)
    return ""
