"""A Deployment's template changes, as by `kubectl rollout restart`: every pod is replaced by its strategy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof
from harness.wait import until

PROGRESS_S = 120.0


@dataclass(frozen=True, slots=True)
class Rollout(Path):
    """Restart a Deployment; `selector` names its pods."""

    name: ClassVar[str] = "rollout"
    deployment: str
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Restart it and wait until all its pods are new and the old ones gone."""
        old = site.pods(self.selector)
        uids = {pod["metadata"]["uid"] for pod in old}
        target = f"deployment/{self.deployment}"
        site.say("rollout", target, "begin", replicas=len(old))
        changed = site.kube.restart(self.deployment, site.namespace)
        site.say("rollout", target, "done", changed["metadata"]["uid"], generation=changed["metadata"]["generation"])
        for pod in old:
            site.say("replace", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        wait_complete(site, self.deployment, PROGRESS_S)
        site.wait_gone(uids, max(map(grace_s, old), default=0) + PROGRESS_S)

    def proof(self, history: History) -> Proof:
        """The old pods were marked, ended and left, and as many of another template came."""
        proof = Proof()
        done = acts(history, "rollout", "done")
        old = victims(history, "replace", "begin")
        proof.need(f"deployment/{self.deployment} got a new template", bool(done))
        proof.need("the pods before the rollout are known", bool(old))
        for life in old:
            need_stopped(proof, life)
        need_replaced(proof, history, old)
        return proof


def wait_complete(site: Site, deployment: str, timeout_s: float) -> None:
    """Wait until a Deployment's controller has seen its last change and all its replicas are updated and available."""
    last: dict[str, object] = {}

    def complete() -> bool:
        found = site.kube.get("apps/v1", "Deployment", deployment, site.namespace)
        status = found.get("status", {})
        last.clear()
        last.update({key: status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")})
        observed = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        return observed and set(last.values()) == {found["spec"]["replicas"]}

    until(complete, f"the rollout of deployment/{deployment}", timeout_s, every_s=0.25, last=lambda: last)
