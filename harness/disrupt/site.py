"""Where a disruption happens: a namespace of a cluster, and the history that its steps are written to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.clock import now_ns
from harness.history import Recorder
from harness.kube import Kube
from harness.records import Act
from harness.wait import until

Pod = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace, with the Kubernetes API to act by and the recorder to tell."""

    kube: Kube
    namespace: str
    recorder: Recorder

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

    def wait_gone(self, uids: set[str], timeout_s: float) -> None:
        """Wait until none of these pods is in the API any more."""

        def left() -> set[str]:
            pods = self.kube.list("v1", "Pod", self.namespace)
            return {pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in uids}

        until(lambda: not left(), "the end of the restarted pods", timeout_s, every_s=0.25, last=left)

    def wait_whole(self, selector: Mapping[str, str], count: int, without: set[str], timeout_s: float) -> None:
        """Wait until `count` pods with these labels are Ready, those in `without` (uids) not counted."""

        def whole() -> int:
            return sum(1 for pod in self.pods(selector) if ready(pod) and pod["metadata"]["uid"] not in without)

        until(lambda: whole() >= count, f"{count} ready pods again", timeout_s, every_s=0.25, last=whole)


def ready(pod: Pod) -> bool:
    """Whether a pod is Ready."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def ended(pod: Pod) -> bool:
    """Whether a pod has Succeeded or Failed."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def grace_s(pod: Pod) -> int:
    """The grace period that a pod asks for."""
    return int(pod["spec"].get("terminationGracePeriodSeconds", 30))
