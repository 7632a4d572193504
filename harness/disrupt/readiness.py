"""A pod's readiness probe fails for a while and heals: out of the endpoints and back, without a restart."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, ready
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof, events
from harness.wait import until

TURN_S = 30.0


@dataclass(frozen=True, slots=True)
class FlapReadiness(Path):
    """Tell the oldest of the sample server's pods to fail its readiness probe, and `for_s` after it did, to pass it."""

    name: ClassVar[str] = "readiness"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    selector: Mapping[str, str]
    for_s: float = 4.0
    port: int = 8080

    def act(self, site: Site) -> None:
        """Let the probe fail, wait until the pod is not Ready, and `for_s` more; heal it and wait until it is Ready."""
        pod = site.pods(self.selector)[0]
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        site.say("fail-readiness", f"pod/{name}", "begin", uid)
        self._set(site, name, ok=False)
        site.say("fail-readiness", f"pod/{name}", "done", uid)

        def is_ready() -> bool:
            return ready(site.kube.get("v1", "Pod", name, site.namespace))

        until(lambda: not is_ready(), f"{name} to be taken as not ready", TURN_S, every_s=0.1)
        enough = time.monotonic() + self.for_s
        until(lambda: time.monotonic() >= enough, "the end of the failing", self.for_s + TURN_S)
        site.say("pass-readiness", f"pod/{name}", "begin", uid)
        self._set(site, name, ok=True)
        site.say("pass-readiness", f"pod/{name}", "done", uid)
        until(is_ready, f"{name} to be ready again", TURN_S, every_s=0.25)

    def proof(self, history: History) -> Proof:
        """The kubelet said that the probe failed; the pod was Ready, not Ready, Ready, and was never restarted."""
        proof = Proof()
        hit = victims(history, "fail-readiness")
        proof.need("a pod was told to fail its readiness probe", bool(hit))
        proof.need("it was told to pass it again", bool(acts(history, "pass-readiness", "done")))
        for life in hit:
            unhealthy = [e for e in events(history, "Unhealthy", life.uid) if "Readiness probe failed" in e.message]
            proof.need(f"event Unhealthy: the readiness probe of {life.name} failed", bool(unhealthy))
            since_ns = acts(history, "fail-readiness", "begin")[0].t_ns
            turns = readiness(life, since_ns)
            proof.need(f"{life.name} was Ready, then not, then Ready again", turns == [True, False, True])
            proof.need(f"{life.name} ({life.uid[:8]}) was not restarted", life.restarts() == 0)
            proof.need(f"{life.name} was not deleted", life.deletion_seen_ns is None)
        return proof

    def heal(self, site: Site) -> None:
        """Let it pass, where the act broke off before that."""
        for pod in site.pods(self.selector):
            if not ready(pod):
                site.say("pass-readiness", f"pod/{pod['metadata']['name']}", "heal", pod["metadata"]["uid"])
                self._set(site, pod["metadata"]["name"], ok=True)

    def _set(self, site: Site, pod: str, *, ok: bool) -> None:
        site.kube.pod_post(site.namespace, pod, self.port, f"/control/readyz?ok={int(ok)}")


def readiness(life: PodLife, since_ns: int) -> list[bool]:
    """Whether a pod was Ready at a moment and how that changed from there on."""
    before = [pod.ready for pod in life.seen if pod.t_ns < since_ns][-1:]
    turns: list[bool] = []
    for now in [*before, *(pod.ready for pod in life.seen if pod.t_ns >= since_ns)]:
        if not turns or turns[-1] != now:
            turns.append(now)
    return turns
