"""A pod of higher priority takes a pod's room: the scheduler preempts the lower one, its grace honoured.

The higher pod asks for all of a resource that the victim's node has but for what other pods there asked for, so that
the victim is the only one that has to go. (To keep the two apart by anti-affinity instead is no way: see
docs/discoveries.md, "A preemption that never ends".)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import OnNodes, Path, need_replaced, need_stopped, victims
from harness.disrupt.site import Pod, Site, ended, grace_s, ready
from harness.errors import KubeError
from harness.history import History
from harness.kube import quantity
from harness.proof import Proof, events, has_condition
from harness.wait import until

RESOURCE = "ephemeral-storage"
PREEMPTOR = "preemptor"
PRIORITY_CLASS = ("scheduling.k8s.io/v1", "PriorityClass", "survive-preempt")
TURN_S = 180.0
CONFLICT, GONE = 409, 404


@dataclass(frozen=True, slots=True)
class Preempt(Path):
    """Preempt the oldest pod with these labels, which must ask for `resource`, by a pod that runs `image`.

    With `or_else` the scheduler has the choice between it and the pods with those labels on its node, which must ask
    for as much.
    """

    name: ClassVar[str] = "preempt"
    rights: ClassVar[tuple[str, ...]] = ("create priorityclasses.scheduling.k8s.io",)
    on_nodes: ClassVar[OnNodes] = "changes"
    selector: Mapping[str, str]
    image: str
    resource: str = RESOURCE
    or_else: Mapping[str, str] | None = None

    def needs(self, site: Site) -> str:
        """Another node for the victim's replacement, and a victim that takes room."""
        if barred := Path.needs(self, site):
            return barred
        crowded = {pod["spec"].get("nodeName", "") for pod in site.pods(self.selector)}
        if others := sorted(node for node in crowded if site.nodes and not site.nodes.may_touch(node)):
            return f"preemption crowds the node of its victim, and --node does not list {', '.join(others)}"
        nodes = [node for node in site.kube.list("v1", "Node") if ready(node) and not _closed(node)]
        if len(nodes) < 2:
            return "preemption needs two schedulable nodes: one for the victim's replacement"
        if not all(requested(pod, self.resource) for pod in site.pods(self.selector)):
            return f"preemption for {self.resource} needs pods that request {self.resource}"
        return ""

    def act(self, site: Site) -> None:
        """Create the higher pod, then wait until it runs, the victim is gone and the workload is whole again.

        One at a time on a cluster, with the PriorityClass as the sign: another's preemptor takes the room of a node
        that this one's replacement needs.
        """
        wanted = [(labels, site.pods(labels)) for labels in (self.selector, self.or_else) if labels]
        victim = wanted[0][1][0]
        node, uid, name = victim["spec"]["nodeName"], victim["metadata"]["uid"], victim["metadata"]["name"]
        choice = [victim, *(pod for _, pods in wanted[1:] for pod in pods if pod["spec"]["nodeName"] == node)]
        priority = int(victim["spec"].get("priority", 0)) + 1
        until(lambda: _my_turn(site, priority), "the end of other preemptions on this cluster", TURN_S, every_s=0.5)
        room = self._room(site, node, uid)
        site.say("preempt", f"pod/{name}", "begin", uid, node=node, resource=self.resource, room=room)
        site.kube.create(self._preemptor(victim, room), site.namespace)
        gone = until(lambda: _taken(site, choice), "the scheduler to take a victim", WHOLE_AGAIN_S)
        site.say("preempt", f"pod/{gone['metadata']['name']}", "done", gone["metadata"]["uid"])
        uids = {gone["metadata"]["uid"]}
        site.wait_gone(uids, grace_s(gone) + WHOLE_AGAIN_S)
        for labels, pods in wanted:
            site.wait_whole(labels, len(pods), uids, WHOLE_AGAIN_S)
        higher = {"survive.dev/role": PREEMPTOR}
        until(lambda: any(map(ready, site.pods(higher))), "the higher pod to run", WHOLE_AGAIN_S, every_s=0.25)

    def proof(self, history: History) -> Proof:
        """The victim has the scheduler's condition and event, and had its whole grace; a new pod came."""
        proof = Proof()
        gone = victims(history, "preempt")
        proof.need("a pod of higher priority was created", bool(gone))
        for life in gone:
            shown = has_condition(life, "DisruptionTarget", reason="PreemptionByScheduler")
            proof.need(f"pod {life.name} has DisruptionTarget=True, PreemptionByScheduler", shown)
            proof.need(f"event Preempted about {life.name}", bool(events(history, "Preempted", life.uid)))
            need_stopped(proof, life)
        need_replaced(proof, history, gone)
        return proof

    def heal(self, site: Site) -> None:
        """Remove the higher pod. Its PriorityClass goes with the namespace, whose own pods take room until then."""
        site.say("remove", f"pod/{PREEMPTOR}", "heal")
        try:
            site.kube.delete("v1", "Pod", PREEMPTOR, site.namespace, grace_s=0)
        except KubeError as exc:
            if exc.status != GONE:
                raise

    def _room(self, site: Site, node: str, victim_uid: str) -> int:
        """What the node has of the resource, less what its other pods asked for."""
        has = site.kube.get("v1", "Node", node)["status"]["allocatable"][self.resource]
        pods = site.kube.list("v1", "Pod", fields=f"spec.nodeName={node}")
        others = [pod for pod in pods if pod["metadata"]["uid"] != victim_uid and not _going(pod)]
        return int(quantity(has)) - sum(requested(pod, self.resource) for pod in others)

    def _preemptor(self, victim: Pod, room: int) -> dict[str, object]:
        restricted = {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": PREEMPTOR, "labels": {"survive.dev/role": PREEMPTOR}},
            "spec": {
                "priorityClassName": PRIORITY_CLASS[2],
                "terminationGracePeriodSeconds": 0,
                "nodeSelector": {"kubernetes.io/hostname": victim["spec"]["nodeName"]},
                "tolerations": victim["spec"].get("tolerations", []),
                "containers": [
                    {
                        "name": "app",
                        "image": self.image,
                        "securityContext": restricted,
                        "resources": {"requests": {self.resource: str(room)}},
                    }
                ],
            },
        }


def _closed(node: dict[str, object]) -> bool:
    spec = node["spec"]
    assert isinstance(spec, dict)
    return bool(spec.get("unschedulable")) or any(one["effect"] != "PreferNoSchedule" for one in spec.get("taints", []))


def _taken(site: Site, choice: list[Pod]) -> Pod | None:
    """The first of these pods that is marked or gone."""
    pods = site.kube.list("v1", "Pod", site.namespace)
    alive = {pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    return next((pod for pod in choice if pod["metadata"]["uid"] not in alive), None)


def requested(pod: dict[str, Any], resource: str) -> int:
    """What a pod's containers ask for of a resource, in its unit (bytes, cores)."""
    asked = [one.get("resources", {}).get("requests", {}).get(resource, "0") for one in pod["spec"]["containers"]]
    return int(sum(quantity(text) for text in asked))


def _going(pod: dict[str, Any]) -> bool:
    """Whether a pod gives its room back by itself."""
    return ended(pod) or "deletionTimestamp" in pod["metadata"]


def _my_turn(site: Site, priority: int) -> bool:
    """Make the PriorityClass; whether there was none."""
    try:
        owner = site.kube.get("v1", "Namespace", site.namespace)["metadata"]
        site.kube.create(_priority_class(owner, priority))
    except KubeError as exc:
        if exc.status != CONFLICT:
            raise
        return False
    return True


def _priority_class(owner: dict[str, Any], value: int) -> dict[str, object]:
    api_version, kind, name = PRIORITY_CLASS
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "pytest-survive"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": owner["name"], "uid": owner["uid"]}],
        },
        "value": value,
        "description": "A restart test's preemptor; goes with its test.",
    }
