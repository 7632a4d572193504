"""A container's process ends by itself: the kubelet restarts it in its pod, or does not, as the policy says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Pod, Site, ended, ready, restarts
from harness.disrupt.stop import wait_told
from harness.errors import KubeError
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof, events
from harness.wait import until

RESTART_S = 120.0
CUT = (500, 502, 503)
"""What the API server's proxy says of a process that ends instead of answering."""


@dataclass(frozen=True, slots=True)
class Crash(Path):
    """Make the process of one pod with these labels exit with these codes, one after the other, by POST /crash.

    `final`: with the last of them the pod has ended, since its policy does not restart it.
    """

    name: ClassVar[str] = "crash"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    selector: Mapping[str, str]
    codes: Sequence[int] = (1,)
    port: int = 8080
    container: str = ""
    final: bool = False

    def act(self, site: Site) -> None:
        """Crash it and wait until it is back, as often as there are codes."""
        pod = site.pods(self.selector)[0]
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        for number, code in enumerate(self.codes):
            before = restarts(site.kube.get("v1", "Pod", name, site.namespace))
            site.say("crash", f"pod/{name}", "begin", uid, code=code)
            post(site, name, self.port, f"/crash?code={code}")
            site.say("crash", f"pod/{name}", "done", uid, code=code)
            if self.final and number == len(self.codes) - 1:
                wait_pod(site, name, ended, f"the end of pod/{name}, which is not restarted")
                wait_told(site, uid, lambda seen: seen.phase in ("Succeeded", "Failed"))
            else:
                wait_restarted(site, name, uid, before)

    def proof(self, history: History) -> Proof:
        """The container ended with these codes and was restarted in its pod, which nobody deleted or stopped."""
        proof = Proof()
        told = [act.detail["code"] for act in acts(history, "crash", "done")]
        proof.need(f"the process was told to exit with {_text(self.codes)}", told == list(self.codes))
        for life in victims(history, "crash")[:1]:
            codes = [end.code for end in life.exits(self.container)]
            proof.need(
                f"it ended with exit codes {_text(self.codes)} (seen: {_text(codes)})", codes == list(self.codes)
            )
            count = len(self.codes) - self.final
            proof.need(f"its restart count rose by {count}", life.restarts(self.container) == count)
            need_by_itself(proof, history, life)
        return proof


def need_by_itself(proof: Proof, history: History, life: PodLife) -> None:
    """Nobody stopped the container: the pod was not deleted, and the kubelet killed nothing."""
    proof.need(f"pod {life.name} ({life.uid[:8]}) stayed, it was not deleted", life.deletion_seen_ns is None)
    proof.need("the kubelet stopped nothing (no event Killing)", not events(history, "Killing", life.uid))


def post(site: Site, pod: str, port: int, path: str) -> None:
    """POST to a process that may end without an answer."""
    try:
        site.kube.pod_post(site.namespace, pod, port, path)
    except KubeError as exc:
        if exc.status not in CUT:
            raise


def wait_restarted(site: Site, pod: str, uid: str, before: int, longer_s: float = 0) -> None:
    """Wait until a pod's restart count has risen and it is Ready; for `longer_s` more than a crash takes at most."""
    what = f"the restart of pod/{pod}'s container"
    wait_pod(site, pod, lambda now: restarts(now) > before and ready(now), what, RESTART_S + longer_s)
    wait_told(site, uid, lambda seen: seen.ready and sum(one.restarts for one in seen.containers) > before)


def wait_pod(site: Site, name: str, condition: Callable[[Pod], bool], what: str, timeout_s: float = RESTART_S) -> None:
    """Wait until a pod is as wanted."""
    until(lambda: condition(site.kube.get("v1", "Pod", name, site.namespace)), what, timeout_s, every_s=0.25)


def _text(codes: Sequence[int]) -> str:
    return ", ".join(map(str, codes)) or "none"
