"""A release beside the old one, which goes once nobody uses it any more.

Blue and green, or as many colours as there are releases: routing is switched over at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof, endpoint_changes
from harness.wait import until

GONE_S = 60.0


@dataclass(frozen=True, slots=True)
class Rainbow(Path):
    """Point a Service from the pods of Deployment `old` to those of `new`, then scale `old` to zero when it is idle.

    Both are up before. The old release is idle when none of its pods tells of an open stream (GET `idle_path` on
    `port` gives their number), and is waited for `idle_within_s`.
    """

    name: ClassVar[str] = "rainbow"
    rights: ClassVar[tuple[str, ...]] = ("patch deployments.apps/scale",)
    service: str
    old: str
    old_selector: Mapping[str, str]
    new_selector: Mapping[str, str]
    idle_within_s: float = 60.0
    port: int = 8080
    idle_path: str = "/streams"

    def act(self, site: Site) -> None:
        """Switch, wait until the old release is idle, scale it to zero, wait until its pods are gone."""
        old = site.pods(self.old_selector)
        uids = {pod["metadata"]["uid"] for pod in old}
        site.say("switch", f"service/{self.service}", "begin")
        # A merge patch joins selectors, so the old labels are taken away by name.
        selector = {**dict.fromkeys(self.old_selector), **self.new_selector}
        site.kube.patch("v1", "Service", self.service, site.namespace, {"spec": {"selector": selector}})
        site.say("switch", f"service/{self.service}", "done")
        until(
            lambda: not self._open(site),
            f"the end of the streams on deployment/{self.old}",
            self.idle_within_s,
            every_s=0.25,
            last=lambda: f"{self._open(site)} open streams",
        )
        site.say("idle", f"deployment/{self.old}", "done")
        for pod in old:
            site.say("retire", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        site.kube.scale(self.old, site.namespace, 0)
        site.wait_gone(uids, max(map(grace_s, old), default=0) + GONE_S)

    def _open(self, site: Site) -> int:
        """How many streams the old release's pods have open, as they tell."""
        names = [pod["metadata"]["name"] for pod in site.pods(self.old_selector)]
        return sum(int(site.kube.pod_get(site.namespace, name, self.port, self.idle_path)) for name in names)

    def proof(self, history: History) -> Proof:
        """The old pods left the Service ready and undisturbed, were idle, and only then were marked, ended and left."""
        proof = Proof()
        idle = [act.t_ns for act in acts(history, "idle", "done")]
        proof.need(f"service/{self.service} was switched over", bool(acts(history, "switch", "done")))
        proof.need(f"deployment/{self.old} came to be idle", bool(idle))
        retired = victims(history, "retire", "begin")
        proof.need("the pods of the old release are known", bool(retired))
        uids = {life.uid for life in retired}
        changes = [change for change in endpoint_changes(history, self.service) if change.ready]
        new = {change.pod for change in changes if change.uid not in uids}
        proof.need(
            f"pods of the new release became ready in the Service: {', '.join(sorted(new)) or 'none'}", bool(new)
        )
        for life in retired:
            seen = life.deletion_seen_ns
            proof.need(
                f"pod {life.name} was deleted only once idle", bool(idle) and seen is not None and seen > idle[0]
            )
            need_stopped(proof, life)
        return proof
