"""A pod of higher priority takes a pod's place: the scheduler preempts the lower one, its grace honoured.

The higher pod must run on the victim's node and tolerates no pod of the victim's labels there. So the victim is the
only one that has to go, whatever else the node holds, and nothing of the node itself is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import WHOLE_AGAIN_S
from harness.disrupt.path import Path, need_replaced, need_stopped, victims
from harness.disrupt.site import Site, grace_s, ready
from harness.errors import KubeError
from harness.history import History
from harness.proof import Proof, events, has_condition
from harness.wait import until

PRIORITY = 1000
PREEMPTOR = "preemptor"


@dataclass(frozen=True, slots=True)
class Preempt(Path):
    """Preempt the oldest pod with these labels by a pod that runs `image`."""

    name: ClassVar[str] = "preempt"
    selector: Mapping[str, str]
    image: str

    def needs(self, site: Site) -> str:
        """Another node for the victim's replacement."""
        nodes = [node for node in site.kube.list("v1", "Node") if ready(node) and not _closed(node)]
        return "" if len(nodes) > 1 else "preemption needs two schedulable nodes: one for the victim's replacement"

    def act(self, site: Site) -> None:
        """Create the higher pod, then wait until it runs, the victim is gone and the workload is whole again."""
        pods = site.pods(self.selector)
        victim = pods[0]
        name, uid = victim["metadata"]["name"], victim["metadata"]["uid"]
        site.kube.create(self._priority_class(site))
        site.say("preempt", f"pod/{name}", "begin", uid, node=victim["spec"]["nodeName"])
        site.kube.create(self._preemptor(site, victim["spec"]["nodeName"]), site.namespace)
        site.say("preempt", f"pod/{name}", "done", uid)
        site.wait_gone({uid}, grace_s(victim) + WHOLE_AGAIN_S)
        site.wait_whole(self.selector, len(pods), {uid}, WHOLE_AGAIN_S)
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
        """Remove the higher pod and its PriorityClass."""
        site.say("remove", f"pod/{PREEMPTOR}", "heal")
        for api_version, kind, name in (
            ("v1", "Pod", PREEMPTOR),
            ("scheduling.k8s.io/v1", "PriorityClass", site.namespace),
        ):
            try:
                site.kube.delete(api_version, kind, name, site.namespace if kind == "Pod" else "", grace_s=0)
            except KubeError as exc:
                if exc.status != 404:
                    raise

    def _priority_class(self, site: Site) -> dict[str, object]:
        return {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": site.namespace, "labels": {"app.kubernetes.io/managed-by": "pytest-survive"}},
            "value": PRIORITY,
            "description": "A restart test's preemptor; goes with its test.",
        }

    def _preemptor(self, site: Site, node: str) -> dict[str, object]:
        apart = {"labelSelector": {"matchLabels": dict(self.selector)}, "topologyKey": "kubernetes.io/hostname"}
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
                "priorityClassName": site.namespace,
                "terminationGracePeriodSeconds": 0,
                "nodeSelector": {"kubernetes.io/hostname": node},
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
                "containers": [{"name": "app", "image": self.image, "securityContext": restricted}],
            },
        }


def _closed(node: dict[str, object]) -> bool:
    spec = node["spec"]
    assert isinstance(spec, dict)
    return bool(spec.get("unschedulable")) or any(one["effect"] != "PreferNoSchedule" for one in spec.get("taints", []))
