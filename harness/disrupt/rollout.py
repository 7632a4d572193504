"""A workload's template changes, as by `kubectl rollout restart`: every pod is replaced by its strategy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof

PROGRESS_S = 120.0


@dataclass(frozen=True, slots=True)
class Rollout(Path):
    """Restart a Deployment, StatefulSet or DaemonSet; `selector` names its pods."""

    name: ClassVar[str] = "rollout"
    workload: str
    selector: Mapping[str, str]
    kind: str = "Deployment"

    def act(self, site: Site) -> None:
        """Restart it and wait until all its pods are new and the old ones gone."""
        old = site.pods(self.selector)
        uids = {pod["metadata"]["uid"] for pod in old}
        site.say("rollout", self._target, "begin", replicas=len(old))
        changed = site.kube.restart(self.workload, site.namespace, self.kind)
        site.say(
            "rollout", self._target, "done", changed["metadata"]["uid"], generation=changed["metadata"]["generation"]
        )
        for pod in old:
            site.say("replace", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        grace_in_all_s = sum(map(grace_s, old))  # a strategy may stop them one after another
        site.wait_complete(self.kind, self.workload, grace_in_all_s + PROGRESS_S)
        site.wait_gone(uids, grace_in_all_s + PROGRESS_S)

    def proof(self, history: History) -> Proof:
        """The old pods were marked, ended and left, and as many of another template came."""
        proof = Proof()
        done = acts(history, "rollout", "done")
        old = victims(history, "replace", "begin")
        proof.need(f"{self._target} got a new template", bool(done))
        proof.need("the pods before the rollout are known", bool(old))
        for life in old:
            need_stopped(proof, life)
        need_replaced(proof, history, old)
        return proof

    @property
    def _target(self) -> str:
        return f"{self.kind.lower()}/{self.workload}"
