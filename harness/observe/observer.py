"""The observer: watches a scenario's namespace and the nodes, and records what they show."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from harness import wait
from harness.clock import now_ns
from harness.errors import KubeError, WaitTimeout
from harness.history import Recorder
from harness.kube import LISTED, Kube, Object, Stop
from harness.observe.endpoints import endpoints_seen
from harness.observe.events import event_seen
from harness.observe.leases import lease_seen
from harness.observe.logs import Logs
from harness.observe.nodes import node_seen
from harness.observe.pods import pod_seen
from harness.records import Lost, Record

_FLUSH_S = 0.5
_CATCH_UP_S = 10.0


class View(NamedTuple):
    """What is watched, and how an object of it becomes a record; a cluster-wide one has no namespace."""

    api_version: str
    kind: str
    record: Callable[[int, str, Object], Record | None]
    cluster_wide: bool = False


VIEWS = (
    View("v1", "Pod", pod_seen),
    View("discovery.k8s.io/v1", "EndpointSlice", endpoints_seen),
    View("coordination.k8s.io/v1", "Lease", lease_seen),
    View("v1", "Event", event_seen),
    View("v1", "Node", node_seen, cluster_wide=True),
)


class Observer:
    """Watches from `start` to `stop`, one thread a kind; also a context manager. What it could not see is a Lost."""

    def __init__(self, kube: Kube, recorder: Recorder, namespace: str) -> None:
        self._kube = kube
        self._recorder = recorder
        self._namespace = namespace
        self._stop = Stop()
        self._versions: dict[str, str] = {}
        self._listed = {view.kind: threading.Event() for view in VIEWS}
        self._logs = Logs(kube, recorder.add)
        self._threads = ThreadPoolExecutor(max_workers=len(VIEWS) + 2, thread_name_prefix="survive-watch")
        self._running: dict[str, Future[None]] = {}

    def start(self, timeout_s: float = 30.0) -> None:
        """Return when all first lists are in the history. Raises KubeError if one is refused."""
        self._running["flush"] = self._threads.submit(self._flush)
        for view in VIEWS:
            self._running[view.kind] = self._threads.submit(self._watch, view)
        try:
            wait.until(self._all_listed, "the first lists of the watches", timeout_s, 0.02, last=self._missing)
        except BaseException:
            self._logs.stop(0)
            self._halt()
            raise

    def watch_lease(self, name: str, namespace: str) -> None:
        """Watch one Lease of another namespace as well, a component's; one such watch at most."""
        view = next(view for view in VIEWS if view.kind == "Lease")
        self._running[f"Lease/{name}"] = self._threads.submit(self._watch, view, namespace, f"metadata.name={name}")

    def stop(self, drain_s: float = 15.0) -> None:
        """Let the watch of pods catch up, end the watches, read the logs of ended containers to their ends (for at most
        `drain_s`) and those of running ones up to now, flush.

        Raises what broke a watch, if anything did.
        """
        self._catch_up()
        self._halt()
        self._logs.stop(drain_s)
        for future in self._running.values():
            future.result()
        self._recorder.flush()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _halt(self) -> None:
        self._stop.set()
        self._threads.shutdown(wait=True)

    def _catch_up(self) -> None:
        """Wait until the watch has told what the API tells of pods: an answer may overtake the watch's news."""

        def behind() -> set[str]:
            pods = [pod["metadata"] for pod in self._kube.list("v1", "Pod", self._namespace)]
            now = {meta["uid"]: meta["resourceVersion"] for meta in pods}
            told = dict(self._versions)
            return {uid for uid in now.keys() | told.keys() if now.get(uid) != told.get(uid)}

        watch = self._running.get("Pod")
        try:
            wait.until(
                lambda: watch is None or watch.done() or not behind(),
                "the watch of pods to catch up", _CATCH_UP_S, 0.05, last=behind,
            )  # fmt: skip
        except (KubeError, WaitTimeout) as exc:
            self._recorder.add(Lost(now_ns(), "watch/Pod", f"it may lack the last changes: {exc}"))

    def _all_listed(self) -> bool:
        for future in self._running.values():
            if future.done():
                future.result()
        return not self._missing()

    def _missing(self) -> list[str]:
        return [f"no list of {kind} yet" for kind, listed in self._listed.items() if not listed.is_set()]

    def _watch(self, view: View, elsewhere: str = "", fields: str = "") -> None:
        namespace = "" if view.cluster_wide else elsewhere or self._namespace
        source = f"watch/{view.kind}"

        def broke(what: str) -> None:
            self._recorder.add(Lost(now_ns(), source, what))

        what = (view.api_version, view.kind, namespace)
        for change, item in self._kube.watch(*what, stop=self._stop, on_break=broke, fields=fields):
            t_ns = now_ns()
            if change == LISTED:
                self._listed[view.kind].set()
                continue
            record = view.record(t_ns, change, item)
            if record is not None:
                self._recorder.add(record)
            if view.kind == "Pod":
                self._logs.saw(change, item)
                self._note_version(change, item)

    def _note_version(self, change: str, pod: Object) -> None:
        if change == "DELETED":
            self._versions.pop(pod["metadata"]["uid"], None)
        else:
            self._versions[pod["metadata"]["uid"]] = pod["metadata"]["resourceVersion"]

    def _flush(self) -> None:
        while not self._stop.wait(_FLUSH_S):
            self._recorder.flush()
