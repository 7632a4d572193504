"""A pod's resources are changed in place; its container is restarted for it where its resizePolicy says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Pod, Site, ready, restarts
from harness.history import History
from harness.proof import Proof, events
from harness.wait import until

RESIZED_S = 90.0


@dataclass(frozen=True, slots=True)
class Resize(Path):
    """Ask for other resources of `container` in the oldest pod; `restarts`: whether its policy is RestartContainer."""

    name: ClassVar[str] = "resize"
    rights: ClassVar[tuple[str, ...]] = ("patch pods/resize",)
    gate: ClassVar[str] = "InPlacePodVerticalScaling"
    selector: Mapping[str, str]
    container: str
    requests: Mapping[str, str]
    restarts: bool

    def act(self, site: Site) -> None:
        """Resize, then wait until the container has what was asked for and the pod is Ready."""
        pod = site.pods(self.selector)[0]
        name, uid, before = pod["metadata"]["name"], pod["metadata"]["uid"], restarts(pod)
        change = {"containers": [{"name": self.container, "resources": {"requests": dict(self.requests)}}]}
        site.say("resize", f"pod/{name}", "begin", uid, requests=dict(self.requests))
        site.kube.patch("v1", "Pod", name, site.namespace, {"spec": change}, "strategic", subresource="resize")
        site.say("resize", f"pod/{name}", "done", uid)
        has: dict[str, str] = {}

        def resized() -> bool:
            now = site.kube.get("v1", "Pod", name, site.namespace)
            has.update(_requests(now, self.container))
            again = restarts(now) > before or not self.restarts
            return has.items() >= self.requests.items() and again and ready(now)

        until(resized, f"the resize of pod {name}", RESIZED_S, every_s=0.25, last=lambda: has)
        site.say("resized", f"pod/{name}", "done", uid, requests=has)

    def proof(self, history: History) -> Proof:
        """The same pod got what was asked for; its container was restarted once for it, or not at all."""
        proof = Proof()
        hit = victims(history, "resize")
        proof.need("a pod was asked to resize", len(hit) == 1)
        given = [act.detail.get("requests", {}) for act in acts(history, "resized", "done")]
        wanted = ", ".join(f"{key} {value}" for key, value in self.requests.items())
        proof.need(f"its status shows {wanted}", any(one.items() >= self.requests.items() for one in given))
        for life in hit:
            count = life.restarts(self.container)
            if self.restarts:
                killed = any(
                    "resize requires restart" in event.message for event in events(history, "Killing", life.uid)
                )
                proof.need(f"event Killing about {life.name} says that the resize requires a restart", killed)
            wanted_count = int(self.restarts)
            proof.need(f"{life.name} was restarted {count} times, {wanted_count} wanted", count == wanted_count)
            proof.need(f"pod {life.name} ({life.uid[:8]}) stayed", life.deletion_seen_ns is None)
            asked_ns = acts(history, "resize", "begin")[0].t_ns
            proof.need("the watch showed it from then on", any(pod.t_ns > asked_ns for pod in life.seen))
        return proof


def _requests(pod: Pod, container: str) -> dict[str, str]:
    """The requests that the kubelet says a container has."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    found = [one.get("resources", {}).get("requests", {}) for one in statuses if one["name"] == container]
    return dict(found[0]) if found else {}
