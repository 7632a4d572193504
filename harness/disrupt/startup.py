"""A Deployment is rolled out to a revision that never comes up: its startup probe fails again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, restarts
from harness.history import History
from harness.lives import PodLife, lives
from harness.proof import Proof, events
from harness.records import Act
from harness.wait import until

RESTARTED_S = 120.0


@dataclass(frozen=True, slots=True)
class FailStartup(Path):
    """Lay `change` over the container of a Deployment, so that its startup probe fails; wait for `restarts` of a pod.

    Healing rolls back to the template of before.
    """

    name: ClassVar[str] = "startup"
    deployment: str
    selector: Mapping[str, str]
    change: Mapping[str, Any]
    restarts: int = 2
    _before: dict[str, Any] = field(default_factory=dict, init=False, compare=False)

    def act(self, site: Site) -> None:
        """Roll out the revision, and return when a pod of it was restarted often enough."""
        old = site.pods(self.selector)
        uids = {pod["metadata"]["uid"] for pod in old}
        template = site.kube.get("apps/v1", "Deployment", self.deployment, site.namespace)["spec"]["template"]
        container = {"name": template["spec"]["containers"][0]["name"], **self.change}
        for pod in old:
            site.say("keep", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        site.say("roll-out", self._target, "begin", replicas=len(old))
        self._before.update(template)
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        site.kube.patch("apps/v1", "Deployment", self.deployment, site.namespace, patch, "strategic")
        site.say("roll-out", self._target, "done")

        def most() -> int:
            new = [pod for pod in site.pods(self.selector) if pod["metadata"]["uid"] not in uids]
            return max(map(restarts, new), default=0)

        until(
            lambda: most() >= self.restarts, f"{self.restarts} restarts of a new pod", RESTARTED_S, every_s=0.25,
            last=most,
        )  # fmt: skip

    def proof(self, history: History) -> Proof:
        """The kubelet said why it restarted the new pod, again and again; it never was Ready; the old ones stayed."""
        proof = Proof()
        old = victims(history, "keep", "begin")
        done = acts(history, "roll-out", "done")
        proof.need(f"{self._target} got another template", bool(done))
        proof.need("the pods before the rollout are known", bool(old))
        new = _newcomers(history, old) if done else []
        proof.need(f"pods of it came: {', '.join(life.name for life in new) or 'none'}", bool(new))
        for life in new:
            unhealthy = [e for e in events(history, "Unhealthy", life.uid) if "Startup probe failed" in e.message]
            killing = [e for e in events(history, "Killing", life.uid) if "failed startup probe" in e.message]
            proof.need(f"event Unhealthy: the startup probe of {life.name} failed", bool(unhealthy))
            proof.need(f"event Killing: {life.name} failed its startup probe and is restarted", bool(killing))
            often = life.restarts() >= self.restarts
            proof.need(f"{life.name} was restarted {self.restarts} times or more ({life.restarts()})", often)
            proof.need(f"{life.name} never was Ready", life.ready_ns is None)
        for life in old:
            proof.need(f"{life.name}, of before, was not deleted", life.deletion_seen_ns is None)
        return proof

    def heal(self, site: Site) -> None:
        """Roll back, if it came as far as the change."""
        if self._before:
            site.say("roll-back", self._target, "heal")
            body = {"spec": {"template": self._before}}
            site.kube.patch("apps/v1", "Deployment", self.deployment, site.namespace, body, "merge")

    @property
    def _target(self) -> str:
        return f"deployment/{self.deployment}"


def _newcomers(history: History, old: list[PodLife]) -> list[PodLife]:
    """Pods of the workload that were first seen after the rollout began."""
    begin_ns = min(act.t_ns for act in history.of(Act))
    labels = old[0].labels.get("app") if old else None
    uids = {life.uid for life in old}
    found = [life for life in lives(history).values() if life.uid not in uids and life.first_seen_ns >= begin_ns]
    return [life for life in found if life.labels.get("app") == labels]
