"""A container's liveness probe fails: the kubelet restarts the container in its pod."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, ready, restarts
from harness.history import History
from harness.proof import Proof, events
from harness.wait import until

RESTART_S = 120.0


@dataclass(frozen=True, slots=True)
class FailLiveness(Path):
    """Tell `count` of the sample server's pods to fail their liveness probe."""

    name: ClassVar[str] = "liveness"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    selector: Mapping[str, str]
    port: int = 8080
    count: int = 1

    def act(self, site: Site) -> None:
        """Let the probe fail, then wait until the container was restarted and the pod is Ready."""
        for pod in site.pods(self.selector)[: self.count]:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            before = restarts(pod)
            site.say("fail-liveness", f"pod/{name}", "begin", uid)
            site.kube.pod_post(site.namespace, name, self.port, "/control/livez?ok=0")
            site.say("fail-liveness", f"pod/{name}", "done", uid)

            def again(name: str = name, before: int = before) -> bool:
                now = site.kube.get("v1", "Pod", name, site.namespace)
                return restarts(now) > before and ready(now)

            until(again, f"the restart of {name} by its liveness probe", RESTART_S, every_s=0.25)

    def proof(self, history: History) -> Proof:
        """The kubelet said why it stopped the container; the pod stayed, its restart count rose."""
        proof = Proof()
        hit = victims(history, "fail-liveness")
        told = acts(history, "fail-liveness", "done")
        proof.need(f"{self.count} pods were told to fail their liveness probe", len(hit) == len(told) == self.count)
        for life in hit:
            unhealthy = [e for e in events(history, "Unhealthy", life.uid) if "Liveness probe failed" in e.message]
            killing = [e for e in events(history, "Killing", life.uid) if "failed liveness probe" in e.message]
            proof.need(f"event Unhealthy: the liveness probe of {life.name} failed", bool(unhealthy))
            proof.need(f"event Killing: {life.name} failed its liveness probe and is restarted", bool(killing))
            proof.need(f"{life.name} ({life.uid[:8]}) stayed and was restarted once", life.restarts() == 1)
            proof.need(f"{life.name} was not deleted", life.deletion_seen_ns is None)
        return proof
