"""A node's disk runs full: the kubelet evicts pods by itself, past every budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import OnNodes, Path, acts, need_replaced, victims
from harness.disrupt.site import Site, on_node
from harness.history import History
from harness.lives import PodLife
from harness.nodes import FILLER
from harness.proof import Proof, events, has_condition
from harness.records import NodeSeen

KUBELET = "/var/lib/kubelet"
EVICTED_S = 60.0
"""The kubelet looks every 10 s, and takes one pod each time."""

THRESHOLDS_MB = {"soft": 300, "hard": 100}
LEFT_MB = {"soft": 200, "hard": 50}
"""What is left free: below the threshold of the node's small disk, and for soft well above the hard one."""


@dataclass(frozen=True, slots=True)
class FillDisk(Path):
    """Fill the small disk of the node past one of its thresholds; the pods with these labels on it must go."""

    name: ClassVar[str] = "disk"
    on_nodes: ClassVar[OnNodes] = "breaks"
    node: str
    selector: Mapping[str, str]
    threshold: Literal["soft", "hard"]

    def act(self, site: Site) -> None:
        """Write until little is left, then wait until the pods there have Failed and others are Ready elsewhere."""
        pods = site.pods(self.selector)
        here = {pod["metadata"]["uid"] for pod in on_node(pods, self.node)}
        for pod in on_node(pods, self.node):
            site.say("crowd-out", f"pod/{pod['metadata']['name']}", "done", pod["metadata"]["uid"])
        left = LEFT_MB[self.threshold]
        site.say("fill-disk", f"node/{self.node}", "begin", left_mb=left)
        free_mb = int(site.own_nodes().run(self.node, ["df", "--output=avail", "--block-size=1M", KUBELET]).split()[-1])
        site.own_nodes().run(self.node, ["fallocate", "--length", f"{free_mb - left}MiB", FILLER])
        site.say("fill-disk", f"node/{self.node}", "done", left_mb=left, was_mb=free_mb)
        site.wait_ended(here, EVICTED_S * len(here))
        site.wait_whole(self.selector, len(pods), here, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The node was under DiskPressure; each pod was Evicted by its kubelet for this threshold, and replaced."""
        proof = Proof()
        filled = {act.target.removeprefix("node/") for act in acts(history, "fill-disk", "done")}
        pressed = {
            node.name
            for node in history.of(NodeSeen)
            if any((one.type, one.status) == ("DiskPressure", "True") for one in node.conditions)
        }
        proof.need(f"node {', '.join(filled) or 'none'} had DiskPressure=True", bool(filled) and filled <= pressed)
        gone = victims(history, "crowd-out")
        proof.need("the pods on it are known", bool(gone))
        limit = f"{THRESHOLDS_MB[self.threshold]}Mi"
        for life in gone:
            need_evicted_by_kubelet(proof, history, life, f"Threshold quantity: {limit}")
            shown = has_condition(life, "DisruptionTarget", reason="TerminationByKubelet")
            proof.need(f"pod {life.name} has DisruptionTarget=True, TerminationByKubelet", shown)
        need_replaced(proof, history, gone)
        return proof

    def heal(self, site: Site) -> None:
        """Make room again."""
        site.say("empty-disk", f"node/{self.node}", "heal")
        site.own_nodes().run(self.node, ["rm", "--force", FILLER])


def need_evicted_by_kubelet(proof: Proof, history: History, life: PodLife, because: str) -> None:
    """The kubelet said why it evicts a pod, stopped it, and left it as Failed; nobody had deleted it."""
    said = [event.message for event in events(history, "Evicted", life.uid)]
    proof.need(f"event Evicted about {life.name}: {because}", any(because in message for message in said))
    failed = next((pod for pod in life.seen if pod.phase == "Failed"), None)
    proof.need(f"pod {life.name} is Failed with reason Evicted", failed is not None and failed.reason == "Evicted")
    codes = ", ".join(str(end.code) for end in life.exits())
    proof.need(f"the containers of {life.name} ended (exit codes: {codes or 'none seen'})", bool(codes))
    before = [pod for pod in life.seen if failed is None or pod.t_ns <= failed.t_ns]
    proof.need(f"pod {life.name} was not deleted", all(pod.deletion_ns is None for pod in before))
