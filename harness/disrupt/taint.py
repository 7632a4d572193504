"""A node gets a NoExecute taint: the taint manager deletes the pods that do not tolerate it, budgets or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import Path, acts, need_replaced, need_stopped, victims
from harness.disrupt.site import NEEDS_NODES, Site, grace_s, on_node
from harness.errors import KubeError
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof, events, has_condition
from harness.records import NodeSeen
from harness.wait import until

KEY = "survive.dev/out"
CONFLICT = 409
CHANGE_S = 10.0
TAINT = f"{KEY}:NoExecute"


@dataclass(frozen=True, slots=True)
class Taint(Path):
    """Taint the node; the pods with these labels on it must go, after `tolerated_s` if they tolerate it for so long.

    The node is closed to new pods first, as an operator would do: a replacement that tolerates the taint for a while
    could be placed there again.
    """

    name: ClassVar[str] = "taint"
    node: str
    selector: Mapping[str, str]
    tolerated_s: int = 0

    def needs(self, site: Site) -> str:
        """A node of its own."""
        return "" if site.nodes else f"a taint {NEEDS_NODES}"

    def act(self, site: Site) -> None:
        """Taint the node, then wait until its pods are gone and the workload is whole again elsewhere."""
        pods = site.pods(self.selector)
        here = on_node(pods, self.node)
        site.cordon(self.node)
        for pod in here:
            site.say("taint-off", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"], node=self.node)
        site.say("taint", f"node/{self.node}", "begin", taint=TAINT)
        _set_taint(site, self.node, [{"key": KEY, "effect": "NoExecute"}])
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
        _set_taint(site, self.node, [])
        site.uncordon(self.node)


def need_tainted_off(proof: Proof, history: History, life: PodLife) -> None:
    """The taint manager said of a pod that it deletes it."""
    shown = has_condition(life, "DisruptionTarget", reason="DeletionByTaintManager")
    proof.need(f"pod {life.name} has DisruptionTarget=True, DeletionByTaintManager", shown)
    # Its event names the pod, without the uid that others give.
    said = [event for event in events(history, "TaintManagerEviction") if event.object == f"Pod/{life.name}"]
    proof.need(f"event TaintManagerEviction about {life.name}", bool(said))


def _set_taint(site: Site, node: str, taints: list[dict[str, str]]) -> None:
    """Leave the node with these taints of our key and all of others' (kubelet and controllers change theirs)."""

    def changed() -> bool:
        found = site.kube.get("v1", "Node", node)
        others = [one for one in found["spec"].get("taints") or [] if one["key"] != KEY]
        body = {
            "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
            "spec": {"taints": others + taints},
        }
        try:
            site.kube.patch("v1", "Node", node, "", body)
        except KubeError as exc:
            if exc.status != CONFLICT:
                raise
            return False
        return True

    until(changed, f"a change of the taints of node {node} that no other crosses", CHANGE_S)
