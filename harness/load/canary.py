"""Canaries: small work for a controller that nobody here wrote, asked for all the while, and seen to be done.

One piece is asked for each EVERY_S, and the next one only once it is done: a controller that comes back finds one that
waits. A piece is dated by the arrival of the watch's news, so it was done by then, and after it was asked for. Who did
it nobody says: it is put down to whoever held the controller's Lease at that moment.
"""

import dataclasses
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar

from harness.clock import now_ns
from harness.history import Recorder
from harness.kube import LISTED, Kube, Object, Stop
from harness.manifests import Manifest
from harness.records import LeaseSeen, Lost, Work
from harness.wait import until

EVERY_S = 0.05
AGAIN_S = 60.0
ENOUGH = 20
"""Pieces in a row that show a controller to be at work."""

NAME = "canary"


class Errand(ABC):
    """What is asked of one controller, in a namespace that holds nothing else."""

    lease: ClassVar[str]
    watched: ClassVar[tuple[str, str]]

    @abstractmethod
    def ask(self, kube: Kube, namespace: str, number: int) -> None:
        """Ask for a piece, numbered from 1; the one before is done."""

    @abstractmethod
    def done(self, item: Object) -> int:
        """The number of the latest piece that an object of the watched kind shows to be done; 0 if none."""


class SchedulePods(Errand):
    """kube-scheduler is given a pod that fits no node: it says so in the pod's status, and nothing is started."""

    lease = "kube-scheduler"
    watched = ("v1", "Pod")

    def ask(self, kube: Kube, namespace: str, number: int) -> None:
        """A new pod in the place of the one before."""
        if number > 1:
            kube.delete_pod(f"{NAME}-{number - 1}", namespace, grace_s=0)
        spec: Manifest = {
            "nodeSelector": {"survive.dev/canary": "nowhere"},
            "automountServiceAccountToken": False,
            "containers": [{"name": NAME, "image": "survive.dev/none"}],
        }
        kube.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{NAME}-{number}"}, "spec": spec}, namespace
        )

    def done(self, item: Object) -> int:
        """A pod that the scheduler has looked at bears its condition."""
        conditions = item.get("status", {}).get("conditions") or []
        looked_at = any(one["type"] == "PodScheduled" for one in conditions)
        return int(item["metadata"]["name"].rpartition("-")[2]) if looked_at else 0


class ReconcileDeployment(Errand):
    """kube-controller-manager is shown another spec of a Deployment without replicas: it notes that it has seen it."""

    lease = "kube-controller-manager"
    watched = ("apps/v1", "Deployment")

    def ask(self, kube: Kube, namespace: str, number: int) -> None:
        """The number stands where it changes nothing."""
        template = {
            "metadata": {"labels": {"app": NAME}},
            "spec": {"containers": [{"name": NAME, "image": "survive.dev/none"}]},
        }
        spec = {
            "replicas": 0,
            "minReadySeconds": number,
            "selector": {"matchLabels": {"app": NAME}},
            "template": template,
        }
        meta = {"name": NAME}
        kube.apply([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}], namespace)

    def done(self, item: Object) -> int:
        """The spec whose generation was observed."""
        seen = item.get("status", {}).get("observedGeneration", 0) >= item["metadata"]["generation"]
        return int(item["spec"].get("minReadySeconds", 0)) if seen else 0


class Canary:
    """Asks from `start` to `stop`, in two threads: one asks, one watches."""

    def __init__(self, kube: Kube, recorder: Recorder, namespace: str, errand: Errand) -> None:
        self._kube = kube
        self._recorder = recorder
        self._namespace = namespace
        self._errand = errand
        self._stop = Stop()
        self._changed = threading.Condition()
        self._pieces: list[Work] = []
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="survive-canary")
        self._running: list[Future[None]] = []

    def start(self) -> None:
        """Return once the controller is at work."""
        self._running = [self._threads.submit(self._watch), self._threads.submit(self._ask)]
        self.wait_working()

    def wait_working(self) -> None:
        """Wait until ENOUGH more pieces are done."""
        wanted = self._latest() + ENOUGH

        def working() -> bool:
            for future in self._running:
                if future.done():
                    future.result()
            return self._latest() >= wanted

        until(working, f"work by the holder of lease/{self._errand.lease}", AGAIN_S, every_s=0.1, last=self._latest)

    def stop(self) -> None:
        """Ask no more, and record who did what. Raises what broke a thread."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._threads.shutdown(wait=True)
        leases = [one for one in self._recorder.history().of(LeaseSeen) if one.name == self._errand.lease]
        for piece in attributed(self._pieces, leases):
            self._recorder.add(piece)
        for future in self._running:
            future.result()

    def _latest(self) -> int:
        with self._changed:
            return self._pieces[-1].seq if self._pieces else 0

    def _ask(self) -> None:
        number, due_s = 0, time.monotonic()
        while not self._stop.is_set():
            number += 1
            self._errand.ask(self._kube, self._namespace, number)
            with self._changed:
                while not self._stop.is_set() and not self._done_by(number):
                    self._changed.wait()
            due_s = max(due_s + EVERY_S, time.monotonic())
            self._stop.wait(max(0.0, due_s - time.monotonic()))

    def _done_by(self, number: int) -> bool:
        return bool(self._pieces) and self._pieces[-1].seq >= number

    def _watch(self) -> None:
        def broke(what: str) -> None:
            self._recorder.add(Lost(now_ns(), f"canary/{self._errand.lease}", what))

        api_version, kind = self._errand.watched
        for change, item in self._kube.watch(api_version, kind, self._namespace, stop=self._stop, on_break=broke):
            t_ns = now_ns()
            number = 0 if change == LISTED else self._errand.done(item)
            with self._changed:
                if number and not self._done_by(number):
                    self._pieces.append(Work(t_ns, "", "", number, 0))
                    self._changed.notify_all()


def attributed(pieces: Iterable[Work], leases: Sequence[LeaseSeen]) -> list[Work]:
    """The pieces with the identity and the term of who held the Lease at their moment; unknown ones are left out."""
    terms = {one.transitions: (one.acquire_ns, one.holder) for one in leases if one.holder and one.acquire_ns}
    line = sorted((since_ns or 0, term, holder) for term, (since_ns, holder) in terms.items())
    found = []
    for piece in pieces:
        held = [(term, holder) for since_ns, term, holder in line if since_ns <= piece.t_ns]
        if held:
            term, holder = held[-1]
            found.append(dataclasses.replace(piece, identity=holder, term=term))
    return found
