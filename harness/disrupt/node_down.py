"""A node is lost: all its processes die at once, or its link is cut. Nobody tells the cluster; it must find out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import OnNodes, Path, acts, need_replaced, victims
from harness.disrupt.site import Site, on_node
from harness.disrupt.taint import need_tainted_off
from harness.history import History
from harness.proof import Proof
from harness.records import NodeSeen
from harness.wait import until

UNREACHABLE = "node.kubernetes.io/unreachable:NoExecute"
NOTICED_S = 90.0
"""The node controller's grace is 50 s by default; it looks every 5 s, the kubelet renews its Lease every 10 s."""

TOLERATED_S = 300
"""What pods without a toleration of their own get."""


@dataclass(frozen=True, slots=True)
class NodeDown(Path):
    """Lose the node with the pods with these labels on it, which tolerate its loss for `tolerated_s`."""

    name: ClassVar[str] = "node-down"
    on_nodes: ClassVar[OnNodes] = "breaks"
    node: str
    selector: Mapping[str, str]
    how: Literal["crash", "cut"]
    tolerated_s: int = TOLERATED_S

    def act(self, site: Site) -> None:
        """Lose it; wait until its pods are marked and as many are Ready elsewhere. Then a cut link is mended."""
        pods = site.pods(self.selector)
        here = on_node(pods, self.node)
        for pod in here:
            site.say("strand", f"pod/{pod['metadata']['name']}", "done", pod["metadata"]["uid"], node=self.node)
        nodes = site.own_nodes()
        lose = nodes.crash if self.how == "crash" else nodes.cut
        site.say(self.how, f"node/{self.node}", "begin")
        lose(self.node)
        site.say(self.how, f"node/{self.node}", "done")
        uids = {pod["metadata"]["uid"] for pod in here}
        until(
            lambda: not uids & {pod["metadata"]["uid"] for pod in site.pods(self.selector)},
            f"the deletion of the pods of {self.node}",
            NOTICED_S + self.tolerated_s,
            every_s=0.5,
        )
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)
        if self.how == "cut":
            site.say("mend", f"node/{self.node}", "begin")
            nodes.mend(self.node)
            site.wait_gone(uids, WHOLE_AGAIN_S)
            site.say("mend", f"node/{self.node}", "done")

    def proof(self, history: History) -> Proof:
        """The node's state became unknown and it was tainted; its pods were marked for that, none having ended."""
        proof = Proof()
        lost = acts(history, self.how, "done")
        names = {act.target.removeprefix("node/") for act in lost}
        seen = [node for node in history.of(NodeSeen) if node.name in names and node.t_ns > lost[0].t_ns]
        unknown = [node for node in seen if any((c.type, c.status) == ("Ready", "Unknown") for c in node.conditions)]
        proof.need(f"node {', '.join(names) or 'none'} was lost ({self.how})", bool(names))
        proof.need("the node controller made its Ready condition Unknown", bool(unknown))
        proof.need(f"it got the taint {UNREACHABLE}", any(UNREACHABLE in node.taints for node in seen))
        gone = victims(history, "strand")
        proof.need("the pods on it are known", bool(gone))
        for life in gone:
            need_tainted_off(proof, history, life)
            marked_ns = life.deletion_seen_ns
            proof.need(f"pod {life.name} got a deletionTimestamp", life.deletion_ns is not None)
            ends = [end for end in life.exits() if marked_ns is None or end.seen_ns <= marked_ns]
            proof.need(f"nobody saw the containers of {life.name} end before", not ends)
        need_replaced(proof, history, gone)
        return proof

    def heal(self, site: Site) -> None:
        """Mend a link that was cut. What died stays dead; the node is removed with its row."""
        if self.how == "cut":
            site.say("mend", f"node/{self.node}", "heal")
            site.own_nodes().mend(self.node)
