"""A pod writes more into an emptyDir than its sizeLimit: the kubelet evicts it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.disk import need_evicted_by_kubelet
from harness.disrupt.path import Path, acts, need_replaced, victims
from harness.disrupt.site import Site
from harness.history import History
from harness.proof import Proof, has_condition

DISRUPTED = "DisruptionTarget"
NOTICED_S = 150.0
"""By default the kubelet measures volumes each 60 to 120 s (volumeStatsAggPeriod, jittered), and looks each 10 s."""


@dataclass(frozen=True, slots=True)
class PassEphemeralLimit(Path):
    """Tell the oldest of the sample server's pods to write `mb` megabytes into its --scratch folder, an emptyDir."""

    name: ClassVar[str] = "ephemeral-limit"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    selector: Mapping[str, str]
    mb: int
    port: int = 8080

    def act(self, site: Site) -> None:
        """Let it write, then wait until it has Failed and another is Ready instead."""
        pods = site.pods(self.selector)
        name, uid = pods[0]["metadata"]["name"], pods[0]["metadata"]["uid"]
        site.say("overfill", f"pod/{name}", "begin", uid, mb=self.mb)
        site.kube.pod_post(site.namespace, name, self.port, f"/fill?mb={self.mb}")
        site.say("overfill", f"pod/{name}", "done", uid, mb=self.mb)
        site.wait_ended({uid}, NOTICED_S)
        site.wait_whole(self.selector, len(pods), {uid}, WHOLE_AGAIN_S)

    def proof(self, history: History) -> Proof:
        """The pod wrote, and the kubelet evicted it for its volume's limit, without marking it as disrupted."""
        proof = Proof()
        gone = victims(history, "overfill")
        proof.need("a pod was told to write too much", bool(gone) and bool(acts(history, "overfill", "done")))
        for life in gone:
            proof.need(f"pod {life.name} wrote it", life.said_ns("filled") is not None)
            need_evicted_by_kubelet(proof, history, life, "exceeds the limit")
            disrupted = any(has_condition(life, DISRUPTED, status) for status in ("True", "False", "Unknown"))
            proof.need(f"pod {life.name} has no condition {DISRUPTED}", not disrupted)
        need_replaced(proof, history, gone)
        return proof
