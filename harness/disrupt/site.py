"""Where a disruption happens: a namespace of a cluster, and the history that its steps are written to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.clock import now_ns
from harness.errors import Impossible, UsageError
from harness.history import Recorder
from harness.kube import Kube
from harness.nodes import Nodes
from harness.records import Act
from harness.replicas import API_VERSIONS, lacking
from harness.wait import until

Pod = dict[str, Any]

RUNNING_S = 60.0

NEEDS_NODES = (
    "it changes a node or crowds it: allow that by --allow-node-disruption, and --node NAME for each node that may be"
    " touched; or use a cluster that has nodes to spare: --cluster embedded or kind"
)
"""Why a path of nodes cannot be done where the site has none."""

NEEDS_OWN_NODES = (
    "it breaks a node, or a process of the cluster itself, which only clusters of our own have to spare: run it with"
    " --cluster embedded or kind"
)
"""Why a path that breaks nodes cannot be done where they are others'."""


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace, with the Kubernetes API to act by, the recorder to tell, and the nodes if they may be touched."""

    kube: Kube
    namespace: str
    recorder: Recorder
    nodes: Nodes | None = None

    def own_nodes(self) -> Nodes:
        """The nodes, for a path that has said in `needs` that it cannot do without."""
        if self.nodes is None:
            raise Impossible(NEEDS_NODES)
        return self.nodes

    def say(
        self, verb: str, target: str, status: Literal["begin", "done", "refused", "failed", "heal"], uid: str = "",
        **detail: Any,
    ) -> None:  # fmt: skip
        """Write one step to the history, at this moment."""
        self.recorder.add(Act(now_ns(), verb, target, status, uid, detail))

    def pods(self, selector: Mapping[str, str]) -> list[Pod]:
        """The pods with these labels that are not being deleted, oldest first."""
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        found = self.kube.list("v1", "Pod", self.namespace, labels=labels)
        alive = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(alive, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))

    def running(self, selector: Mapping[str, str]) -> list[Pod]:
        """The pods with these labels, once there are any and the containers of all run; they need not be Ready."""

        def found() -> list[Pod] | None:
            pods = self.pods(selector)
            return pods if pods and all(map(runs, pods)) else None

        return until(found, "the pods to run", RUNNING_S, every_s=0.25)

    def must_touch(self, node: str) -> None:
        """Raise Impossible unless a node may be changed."""
        if self.nodes is None or not self.nodes.may_touch(node):
            raise Impossible(f"node {node}: {NEEDS_NODES}")

    def cordon(self, node: str) -> None:
        """Close a node to new pods."""
        self.must_touch(node)
        self.say("cordon", f"node/{node}", "done")
        self.kube.patch("v1", "Node", node, "", {"spec": {"unschedulable": True}})

    def uncordon(self, node: str) -> None:
        """Open a node to new pods again."""
        self.say("uncordon", f"node/{node}", "heal")
        self.kube.patch("v1", "Node", node, "", {"spec": {"unschedulable": None}})

    def wait_gone(self, uids: set[str], timeout_s: float) -> None:
        """Wait until none of these pods is in the API any more."""

        def left() -> set[str]:
            pods = self.kube.list("v1", "Pod", self.namespace)
            return {pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in uids}

        until(lambda: not left(), "the end of the restarted pods", timeout_s, every_s=0.25, last=left)

    def wait_ended(self, uids: set[str], timeout_s: float) -> None:
        """Wait until each of these pods has Succeeded or Failed, or is gone."""

        def left() -> set[str]:
            pods = self.kube.list("v1", "Pod", self.namespace)
            return {pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in uids and not ended(pod)}

        until(lambda: not left(), "the end of the restarted pods", timeout_s, every_s=0.25, last=left)

    def wait_whole(self, selector: Mapping[str, str], count: int, without: set[str], timeout_s: float) -> None:
        """Wait until `count` pods with these labels are Ready, those in `without` (uids) not counted."""

        def whole() -> int:
            return sum(1 for pod in self.pods(selector) if ready(pod) and pod["metadata"]["uid"] not in without)

        until(lambda: whole() >= count, f"{count} ready pods again", timeout_s, every_s=0.25, last=whole)

    def wait_complete(self, kind: str, name: str, timeout_s: float) -> None:
        """Wait until a workload's controller has seen its last change and all its pods are new and Ready."""

        def lacks() -> str:
            return lacking({"kind": kind, **self.kube.get(API_VERSIONS[kind], kind, name, self.namespace)})

        until(lambda: not lacks(), f"the rollout of {kind.lower()}/{name}", timeout_s, every_s=0.25, last=lacks)


def ready(pod: Pod) -> bool:
    """Whether a pod is Ready."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def on_node(pods: Sequence[Pod], node: str) -> list[Pod]:
    """Those of these pods that are on a node; a row whose app was not placed there is wrong, and says so."""
    found = [pod for pod in pods if pod["spec"].get("nodeName") == node]
    if not found:
        where = ", ".join(sorted({pod["spec"].get("nodeName", "nowhere") for pod in pods})) or "there are none"
        raise UsageError(f"none of the pods under test is on {node}: {where}")
    return found


def runs(pod: Pod) -> bool:
    """Whether all containers of a pod run."""
    status = pod.get("status", {})
    states = [one.get("state", {}) for one in status.get("containerStatuses") or []]
    return status.get("phase") == "Running" and bool(states) and all("running" in one for one in states)


def ended(pod: Pod) -> bool:
    """Whether a pod has Succeeded or Failed."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def grace_s(pod: Pod) -> int:
    """The grace period that a pod asks for."""
    return int(pod["spec"].get("terminationGracePeriodSeconds", 30))


def restarts(pod: Pod) -> int:
    """How often the kubelet has restarted a pod's containers."""
    return sum(one["restartCount"] for one in pod.get("status", {}).get("containerStatuses") or [])
