"""A pod is taken off the API by force, with a grace period of 0: its processes live on for a while, unseen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.clock import NS_PER_S, now_ns
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Site, grace_s
from harness.disrupt.stop import END_S, ask, need_asked, need_grace, need_killing, the_pod, verb
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof
from harness.records import AppSaid
from harness.wait import until

AT_ONCE_S = 1.0
SILENT_S = 1.5
LINES = 50


@dataclass(frozen=True, slots=True)
class Force(Path):
    """Delete, or `evict`, the pod with these labels with a grace period of 0. Its process must tell that it lives."""

    name: ClassVar[str] = "force"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction",)
    selector: Mapping[str, str]
    evict: bool = False

    def act(self, site: Site) -> None:
        """Ask once, then wait until the pod is gone and its process has fallen silent."""
        pod = the_pod(site, self.selector)
        ask(site, pod, 0, self.evict)
        site.wait_gone({pod["metadata"]["uid"]}, END_S)
        wait_silent(site, pod["metadata"]["name"], grace_s(pod) + END_S)

    def proof(self, history: History) -> Proof:
        """The object left at once, the process lived on, and the kubelet stopped it."""
        proof = need_asked(history, self.evict)
        for life in victims(history, verb(self.evict)):
            need_grace(proof, history, life)
            need_outlived(proof, life, acts(history, verb(self.evict), "done")[0].t_ns)
            need_killing(proof, history, life)
        return proof


def wait_silent(site: Site, pod: str, timeout_s: float) -> None:
    """Wait until a pod's process, which tells several times a second that it lives, has said nothing for a while."""

    def silent() -> bool:
        said = [one for one in site.recorder.tail(AppSaid, LINES) if one.pod == pod]
        return not said or now_ns() - said[-1].t_ns > SILENT_S * NS_PER_S

    until(silent, f"the end of the process of pod/{pod}, which is off the API", timeout_s, every_s=0.25)


def need_outlived(proof: Proof, life: PodLife, asked_ns: int) -> None:
    """The object left the API at once, and its process spoke after that."""
    gone_ns = life.gone_ns
    at_once = gone_ns is not None and gone_ns - asked_ns < AT_ONCE_S * NS_PER_S
    proof.need(f"pod {life.name} ({life.uid[:8]}) left the API at once", at_once)
    spoke = gone_ns is not None and any(said.t_ns > gone_ns for said in life.said)
    proof.need(f"the process of {life.name} spoke after its pod was gone", spoke)
