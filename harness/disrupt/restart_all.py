"""A container's exit restarts all containers of its pod, init containers too, as a rule of the container says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.crash import post, wait_pod
from harness.disrupt.path import Path, acts, victims
from harness.disrupt.site import Pod, Site, ready
from harness.disrupt.stop import wait_told
from harness.history import History
from harness.proof import Proof, has_condition

RULE = "RestartAllContainers"
CONDITION = "AllContainersRestarting"


@dataclass(frozen=True, slots=True)
class RestartAll(Path):
    """Make the process at `port` exit with `code`, which a rule of its container answers by restarting all."""

    name: ClassVar[str] = "restart-all"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    gate: ClassVar[str] = "RestartAllContainersOnContainerExits"
    selector: Mapping[str, str]
    code: int
    port: int = 8080

    def needs(self, site: Site) -> str:
        """The feature gate: an API server without it drops or refuses the rule."""
        containers = [one for pod in site.pods(self.selector) for one in pod["spec"]["containers"]]
        actions = {rule["action"] for one in containers for rule in one.get("restartPolicyRules", [])}
        return "" if RULE in actions else f"the rule {RULE} needs the feature gate RestartAllContainersOnContainerExits"

    def act(self, site: Site) -> None:
        """Crash it, and wait until every container of the pod was restarted and it is Ready."""
        pod = site.pods(self.selector)[0]
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        before = _counts(pod)
        site.say("crash", f"pod/{name}", "begin", uid, code=self.code)
        post(site, name, self.port, f"/crash?code={self.code}")
        site.say("crash", f"pod/{name}", "done", uid, code=self.code)

        def again(now: Pod) -> bool:
            counts = _counts(now)
            return ready(now) and all(counts.get(one, 0) > count for one, count in before.items())

        wait_pod(site, name, again, f"the restart of all containers of pod/{name}")
        wait_told(
            site, uid, lambda seen: seen.ready and all(one.restarts > before[one.name] for one in seen.containers)
        )

    def proof(self, history: History) -> Proof:
        """The pod had the condition, kept its address, and each of its containers was restarted once."""
        proof = Proof()
        hit = victims(history, "crash")
        proof.need(
            f"the process was told to exit with {self.code}", len(acts(history, "crash", "done")) == len(hit) == 1
        )
        for life in hit:
            proof.need(f"the pod had the condition {CONDITION}", has_condition(life, CONDITION))
            proof.need(f"pod {life.name} ({life.uid[:8]}) stayed, it was not deleted", life.deletion_seen_ns is None)
            proof.need(f"it kept its address {', '.join(life.ips)}", len(life.ips) == 1)
            for name in dict.fromkeys(one.name for pod in life.seen for one in pod.containers):
                proof.need(f"{name} was restarted once", life.restarts(name) == 1)
        return proof


def _counts(pod: Pod) -> dict[str, int]:
    """The restart count of each container, init containers included."""
    status = pod.get("status", {})
    found = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
    return {one["name"]: one["restartCount"] for one in found}
