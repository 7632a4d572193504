"""A node is drained as by `kubectl drain`: closed to new pods, then all its pods are evicted, over their budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.evict import evict_all, need_evicted
from harness.disrupt.path import OnNodes, Path, acts, need_replaced, victims
from harness.disrupt.site import Site, grace_s, on_node
from harness.errors import WaitTimeout
from harness.history import History
from harness.proof import Proof
from harness.records import NodeSeen

RETRY_S = 5.0
"""As kubectl's, after a budget's refusal (k8s.io/kubectl/pkg/drain)."""


@dataclass(frozen=True, slots=True)
class Drain(Path):
    """Drain the node of the pods with these labels; given up after `bound_s` (kubectl's own default: never)."""

    name: ClassVar[str] = "drain"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction", "patch nodes")
    on_nodes: ClassVar[OnNodes] = "changes"
    node: str
    selector: Mapping[str, str]
    bound_s: float = 60.0

    def act(self, site: Site) -> None:
        """Cordon, evict, wait for what was evicted and its replacements; or say why it was given up."""
        pods = site.pods(self.selector)
        here = on_node(pods, self.node)
        target = f"node/{self.node}"
        site.say("drain", target, "begin", pods=len(here))
        site.cordon(self.node)
        try:
            evict_all(site, here, self.bound_s, RETRY_S)
        except WaitTimeout as exc:
            site.say("drain", target, "failed", why=str(exc), bound_s=self.bound_s)
            return
        uids = {pod["metadata"]["uid"] for pod in here}
        site.wait_gone(uids, max(map(grace_s, here), default=0) + WHOLE_AGAIN_S)
        site.say("drain", target, "done", pods=len(here))
        site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The node was closed; each pod that was on it was evicted, stopped and was replaced; or none could be."""
        proof = Proof()
        begun = acts(history, "drain", "begin")
        names = {act.target.removeprefix("node/") for act in begun}
        closed = {node.name for node in history.of(NodeSeen) if not node.schedulable}
        proof.need(f"node {', '.join(names) or 'none'} was closed to new pods", bool(names) and names <= closed)
        for act in acts(history, "drain", "failed"):
            proof.need(f"it was given up after {act.detail['bound_s']:g} s: {act.detail['why']}", True)
            refused = acts(history, "evict", "refused")
            proof.need("a budget refused to the last: 429", bool(refused) and refused[-1].t_ns <= act.t_ns)
            return proof
        gone = victims(history, "evict")
        wanted = sum(act.detail["pods"] for act in begun)
        ended = bool(acts(history, "drain", "done"))
        proof.need(f"all {wanted} pods on it were evicted", ended and wanted == len(gone) > 0)
        for life in gone:
            need_evicted(proof, life)
        need_replaced(proof, history, gone)
        return proof

    def heal(self, site: Site) -> None:
        """Open the node again."""
        site.uncordon(self.node)
