"""The nodes' clocks against the harness's: known where they are one clock, measured by round trips elsewhere.

The wall clock belongs to a kernel: no Linux namespace has one of its own (a time namespace shifts the monotonic and the
boot clock only). So a node whose boot id is the harness's own shares its clock. Any other is asked for the time through
a small pod on it, several times: the answer was given between a question and its return, so the shortest round trip
errs least, by half of it at most.
"""

import json
import pathlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness import manifests, wait
from harness.clock import now_ns, stepped_ns
from harness.errors import KubeError, WaitTimeout
from harness.history import Recorder
from harness.kube import Kube
from harness.manifests import Manifest
from harness.records import ClockSeen, Lost, NodeSeen, PodSeen

ROUND_TRIPS = 15
PORT = 8080
IMAGE = "survive.dev/server:dev"
READY_S = 30.0
STEP_NS = 1_000_000
"""What was set by less is no step but the time between two readings."""
_BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A question for the time: when it was asked and answered by the own clock, and what was told."""

    asked_ns: int
    told_ns: int
    answered_ns: int

    @property
    def error_ns(self) -> int:
        """By how much the offset may err."""
        return (self.answered_ns - self.asked_ns + 1) // 2

    @property
    def offset_ns(self) -> int:
        """The other clock minus the own one."""
        return self.told_ns - (self.asked_ns + self.answered_ns) // 2


def best(trips: Iterable[RoundTrip]) -> RoundTrip:
    """The round trip that errs least."""
    return min(trips, key=lambda trip: trip.error_ns)


def own_boot_id() -> str:
    """That of the kernel that the harness runs on; empty where there is none to read."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class NodeClocks:
    """Records how the clocks of the nodes stand on which a namespace's pods run; the observer must be running.

    `always`: measure also where it is known that a node shares the clock. `env`: for the pods that are asked, by node.
    """

    def __init__(
        self, kube: Kube, recorder: Recorder, namespace: str, *, always: bool = False,
        env: Mapping[str, Mapping[str, str]] | None = None, image: str = IMAGE,
    ) -> None:  # fmt: skip
        self._kube = kube
        self._recorder = recorder
        self._namespace = namespace
        self._always = always
        self._env = env or {}
        self._image = image
        self._pods: dict[str, str] = {}

    def look(self) -> None:
        """Record one ClockSeen for each node that has a pod; to be called before and after what is measured.

        A node that does not answer is a Lost, which makes the verdict INCONCLUSIVE.
        """
        history = self._recorder.history()
        own, known = own_boot_id(), {one.name: one.boot_id for one in history.of(NodeSeen)}
        nodes = {pod.node for pod in history.of(PodSeen) if pod.node and pod.change != "DELETED"}
        shared = {node for node in nodes if own and known.get(node) == own and not self._always}
        step_ns = abs(stepped_ns())
        for node in sorted(shared):
            how = "its boot id is the harness's own, so both have one kernel and one clock"
            self._recorder.add(ClockSeen(now_ns(), node, 0, step_ns if step_ns >= STEP_NS else 0, how))
        self._measure(sorted(nodes - shared))

    def _measure(self, nodes: list[str]) -> None:
        for node in nodes:
            if node not in self._pods:
                self._pods[node] = f"clock-{len(self._pods)}"
                pod = clock_pod(self._pods[node], node, self._env.get(node, {}), self._image)
                self._kube.apply([pod], self._namespace)
        for node in nodes:
            try:
                trip = best(self._trips(self._pods[node]))
            except (KubeError, WaitTimeout, ValueError, KeyError) as exc:
                self._recorder.add(Lost(now_ns(), f"clock/{node}", f"its clock could not be read: {exc}"))
                continue
            how = f"{ROUND_TRIPS} round trips, by which it is {trip.offset_ns / 1e6:.3f} ms ahead"
            self._recorder.add(ClockSeen(now_ns(), node, trip.offset_ns, trip.error_ns, how))

    def _trips(self, pod: str) -> list[RoundTrip]:
        """The first answers wake the pod up; all count, since the shortest wins."""
        wait.until(lambda: self._answers(pod), f"the clock of pod {pod}", READY_S, 0.1)
        return [round_trip(lambda: self._told(pod)) for _ in range(ROUND_TRIPS)]

    def _answers(self, pod: str) -> bool:
        try:
            return self._told(pod) > 0
        except (KubeError, ValueError, KeyError):
            return False

    def _told(self, pod: str) -> int:
        answer: dict[str, Any] = json.loads(self._kube.pod_get(self._namespace, pod, PORT, "/clock"))
        return int(answer["t_ns"])


def round_trip(ask: Callable[[], int]) -> RoundTrip:
    """Ask once."""
    asked_ns = now_ns()
    told_ns = ask()
    return RoundTrip(asked_ns, told_ns, now_ns())


def clock_pod(name: str, node: str, env: Mapping[str, str], image: str) -> Manifest:
    """A pod of the sample server that is bound to a node past its taints, and tells nothing but the time."""
    (template,) = [one for one in manifests.load("server") if one["kind"] == "Deployment"]
    container = manifests.main_container(template)
    shown = [{"name": key, "value": value} for key, value in env.items()]
    container = manifests.merged(container, {"image": image, "env": [*container["env"], *shown]})
    change = {"nodeName": node, "tolerations": [{"operator": "Exists"}], "containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "clock", "survive.dev/role": "clock"}},
        "spec": manifests.merged(manifests.pod_spec(template), change),
    }
