"""A Deployment is scaled down, as by hand or by an autoscaler; a deletion cost says who goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import Path, acts, need_stopped, victims
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof, pods

COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class ScaleDown(Path):
    """Scale a Deployment down to `to` pods. The youngest get a high deletion cost, so that the others go."""

    name: ClassVar[str] = "scale"
    rights: ClassVar[tuple[str, ...]] = ("patch deployments.apps/scale",)
    deployment: str
    selector: Mapping[str, str]
    to: int

    def act(self, site: Site) -> None:
        """Name who is to go by the cost of the others, scale, and wait until they are gone."""
        before = site.pods(self.selector)
        leaving, staying = before[: len(before) - self.to], before[len(before) - self.to :]
        for pod in staying:
            cost = {"metadata": {"annotations": {COST: "100"}}}
            site.kube.patch("v1", "Pod", pod["metadata"]["name"], site.namespace, cost)
        for pod in leaving:
            site.say("scale-away", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        target = f"deployment/{self.deployment}"
        site.say("scale", target, "begin", replicas=len(before), to=self.to)
        site.kube.scale(self.deployment, site.namespace, self.to)
        site.say("scale", target, "done", to=self.to)
        site.wait_complete("Deployment", self.deployment, WHOLE_AGAIN_S)
        gone = {pod["metadata"]["uid"] for pod in leaving}
        site.wait_gone(gone, max(map(grace_s, leaving), default=0) + WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The Deployment was scaled; just the pods of low cost were marked, ended and left, and none came."""
        proof = Proof()
        named = victims(history, "scale-away", "begin")
        mine = pods(history, **self.selector)
        scaled = acts(history, "scale", "done")
        proof.need(f"deployment/{self.deployment} was scaled to {self.to}", bool(scaled))
        left = {life.uid for life in mine if life.deletion_seen_ns is not None}
        chosen = left == {life.uid for life in named} and bool(named)
        proof.need(f"the {len(named)} pods of the lowest deletion cost went, and no others", chosen)
        for life in named:
            need_stopped(proof, life)
        new = [life.name for life in mine if scaled and life.first_seen_ns > scaled[0].t_ns]
        proof.need(f"no new pod came{': ' + ', '.join(new) if new else ''}", bool(mine) and not new)
        return proof
