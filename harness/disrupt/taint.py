"""A node gets a NoExecute taint: the taint manager deletes the pods that do not tolerate it, budgets or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import OnNodes, Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import Site, grace_s, on_node
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof, events, has_condition
from harness.records import NodeSeen
from harness.taints import mark

KEY = "survive.dev/out"
TAINT = f"{KEY}:NoExecute"


@dataclass(frozen=True, slots=True)
class Taint(Path):
    """Taint the node; the pods with these labels on it must go, after `tolerated_s` if they tolerate it for so long.

    The node is closed to new pods first, as an operator would do: a replacement that tolerates the taint for a while
    could be placed there again.
    """

    name: ClassVar[str] = "taint"
    rights: ClassVar[tuple[str, ...]] = ("patch nodes",)
    on_nodes: ClassVar[OnNodes] = "changes"
    node: str
    selector: Mapping[str, str]
    tolerated_s: int = 0

    def act(self, site: Site) -> None:
        """Taint the node, then wait until its pods are gone and the workload is whole again elsewhere."""
        pods = site.pods(self.selector)
        here = on_node(pods, self.node)
        site.cordon(self.node)
        for pod in here:
            site.say("taint-off", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"], node=self.node)
        site.say("taint", f"node/{self.node}", "begin", taint=TAINT)
        site.must_touch(self.node)
        mark(site.kube, self.node, [{"key": KEY, "effect": "NoExecute"}], {KEY})
        site.say("taint", f"node/{self.node}", "done", taint=TAINT)
        uids = {pod["metadata"]["uid"] for pod in here}
        site.wait_gone(uids, self.tolerated_s + max(map(grace_s, here), default=0) + WHOLE_AGAIN_S)
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The node was seen with the taint; each pod has the taint manager's condition and event, stopped and left."""
        proof = Proof()
        tainted = {node.name for node in history.of(NodeSeen) if TAINT in node.taints}
        targets = {act.target.removeprefix("node/") for act in acts(history, "taint", "done")}
        proof.need(f"node {', '.join(targets) or 'none'} got the taint {TAINT}", bool(targets) and targets <= tainted)
        gone = victims(history, "taint-off", "begin")
        proof.need("the pods on it are known", bool(gone))
        for life in gone:
            need_tainted_off(proof, history, life)
            need_stopped(proof, life)
        need_replaced(proof, history, gone)
        return proof

    def heal(self, site: Site) -> None:
        """Take the taint off and open the node again."""
        site.say("untaint", f"node/{self.node}", "heal")
        mark(site.kube, self.node, [], {KEY})
        site.uncordon(self.node)


def need_tainted_off(proof: Proof, history: History, life: PodLife) -> None:
    """The taint manager said of a pod that it deletes it."""
    shown = has_condition(life, "DisruptionTarget", reason="DeletionByTaintManager")
    proof.need(f"pod {life.name} has DisruptionTarget=True, DeletionByTaintManager", shown)
    # Its event names the pod, without the uid that others give.
    said = [event for event in events(history, "TaintManagerEviction") if event.object == f"Pod/{life.name}"]
    proof.need(f"event TaintManagerEviction about {life.name}", bool(said))
