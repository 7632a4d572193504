"""Follows the logs of the pods that speak: every container, every instance of it, each line once."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Protocol

from harness.clock import now_ns
from harness.errors import KubeError
from harness.kube import LogLine, Object, Stop
from harness.observe.lines import Cursor, record_of
from harness.records import Lost, Record

SPEAKS = "survive.dev/speaks"
_AGAIN_S = 0.2
_GONE = (400, 404)
_REMOVED = ("unable to retrieve container logs", "failed to try resolving symlinks")
_PATIENCE = 100


class LogSource(Protocol):
    """What is needed of `Kube` here."""

    def logs(
        self, namespace: str, pod: str, container: str, *,
        follow: bool, since_ns: int | None, previous: bool, stop: Stop | None,
    ) -> Iterator[LogLine]:  # fmt: skip
        """See `Kube.logs`."""


class ContainerLog:
    """One container's log over all its instances, which are read one after another, each to its end."""

    def __init__(
        self, source: LogSource, add: Callable[[Record], None], pod: Object, container: str, stop: Stop
    ) -> None:
        self._source = source
        self._add = add
        self._namespace = pod["metadata"]["namespace"]
        self._pod = pod["metadata"]["name"]
        self._container = container
        self._stop = stop
        self._cursor = Cursor()
        self._changed = threading.Condition()
        self._instances: list[str] = []
        self._ended: set[str] = set()
        self._closed = False

    def saw(self, current: str, running: bool, last: str) -> None:
        """The pod's status: the instance that the kubelet calls current, whether it runs, and the one before."""
        with self._changed:
            for instance in (last, current):
                if instance and instance not in self._instances:
                    self._instances.append(instance)
            self._ended.update(one for one in self._instances if one != current or not running)
            self._changed.notify_all()

    def close(self) -> None:
        """There will be no further instance: the pod is gone, or nobody listens any more."""
        with self._changed:
            self._closed = True
            self._ended.update(self._instances)
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether no instance runs, as far as the pod's status told."""
        with self._changed:
            return self._ended.issuperset(self._instances)

    def run(self) -> None:
        """Read instance after instance until closed; from a stop on, each once, up to what it has said by then."""
        read = 0
        while instance := self._next(read):
            self._read(instance)
            read += 1

    def _next(self, read: int) -> str:
        with self._changed:
            self._changed.wait_for(lambda: len(self._instances) > read or self._closed)
            return self._instances[read] if len(self._instances) > read else ""

    def _read(self, instance: str) -> None:
        """Read until an attempt that began after the instance's end came to the log's end, or until the stop."""
        clean, attempts, begun = False, 0, self._cursor.t_ns
        while not self._stop.is_set():
            ended, previous = self._state(instance)
            self._cursor.resume(same_instance=self._cursor.t_ns != begun)
            try:
                self._attempt(previous, ended, clean)
            except KubeError as exc:
                attempts += ended
                if ended and (exc.status in _GONE or attempts > _PATIENCE):
                    # Read to an end once, a log that is gone with its pod has most likely been read whole.
                    if not clean:
                        self._lost(f"the end of a log is lost: {exc}")
                    return
                clean = clean and exc.status in _GONE
            else:
                if ended:
                    return
                clean = True
            self._stop.wait(_AGAIN_S)
        self._read_up(instance, begun)

    def _read_up(self, instance: str, begun: int | None) -> None:
        """Read once what the instance has said by now: its stream may be behind, or not have begun.

        What does not answer, such as a lost node, has said nothing more, as far as anyone can know.
        """
        _, previous = self._state(instance)
        self._cursor.resume(same_instance=self._cursor.t_ns != begun)
        with contextlib.suppress(KubeError):
            self._attempt(previous, ended=False, clean=False, follow=False)

    def _state(self, instance: str) -> tuple[bool, bool]:
        with self._changed:
            return instance in self._ended, instance != self._instances[-1]

    def _attempt(self, previous: bool, ended: bool, clean: bool, follow: bool = True) -> None:
        since_ns, gaps = self._cursor.t_ns, self._cursor.gaps
        stop = self._stop if follow else None
        lines = self._source.logs(
            self._namespace, self._pod, self._container, follow=follow, since_ns=since_ns, previous=previous, stop=stop
        )
        for line in lines:
            if line.t_ns is None and line.text.startswith(_REMOVED):
                # Said in the stream itself, with status 200, once a container has been removed.
                raise KubeError(line.text, status=404)
            if clean and line.t_ns is not None and self._cursor.misses(line.t_ns):
                # Once a log was read to its end, another one under its name is the next instance's.
                return
            if line.t_ns is None:
                self._lost(f"the kubelet says: {line.text}")
            elif (line.whole or ended) and self._cursor.takes(line.t_ns):
                if self._cursor.gaps > gaps:
                    gaps = self._cursor.gaps
                    self._lost("lines of a log may be lost: it was moved away or replaced while its stream was broken")
                self._add(record_of(line.t_ns, line.text, self._pod, self._container))

    def _lost(self, what: str) -> None:
        self._add(Lost(now_ns(), f"log/{self._pod}/{self._container}", what))


class Logs:
    """The logs of all pods of a namespace that are labelled survive.dev/speaks=true, a thread a container."""

    def __init__(self, source: LogSource, add: Callable[[Record], None]) -> None:
        self._source = source
        self._add = add
        self._stop = Stop()
        self._threads = ThreadPoolExecutor(max_workers=256, thread_name_prefix="survive-log")
        self._logs: dict[tuple[str, str], ContainerLog] = {}
        self._running: dict[tuple[str, str], Future[None]] = {}

    def saw(self, change: str, pod: Object) -> None:
        """A pod as the watch showed it; to be called from one thread."""
        meta, status = pod["metadata"], pod.get("status", {})
        if (meta.get("labels") or {}).get(SPEAKS) != "true":
            return
        for seen in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
            current, running, last = instances(seen)
            if current or last:
                self._log(pod, seen["name"]).saw(current, running, last)
        if change == "DELETED":
            for key, log in self._logs.items():
                if key[0] == meta["uid"]:
                    log.close()

    def _log(self, pod: Object, container: str) -> ContainerLog:
        key = (pod["metadata"]["uid"], container)
        if key not in self._logs:
            self._logs[key] = ContainerLog(self._source, self._add, pod, container, self._stop)
            self._running[key] = self._threads.submit(self._logs[key].run)
        return self._logs[key]

    def stop(self, drain_s: float) -> None:
        """Read the logs of containers that have ended to their ends, for at most `drain_s`; then end all streams.

        Those of running ones are read up to now. A thread's own fault is raised here.
        """
        ended = {key: self._running[key] for key, log in self._logs.items() if log.finished}
        for key in ended:
            self._logs[key].close()
        wait_for(ended.values(), timeout=drain_s)
        late = [key for key, future in ended.items() if not future.done()]
        for log in self._logs.values():
            log.close()
        self._stop.set()
        for _, container in late:
            self._add(Lost(now_ns(), f"log/{container}", f"the end of a log was not read within {drain_s:g} s"))
        self._threads.shutdown(wait=False)
        for future in wait_for(self._running.values(), timeout=drain_s).done:
            future.result()


def instances(status: Object) -> tuple[str, bool, str]:
    """A container's current instance (empty if none has started), whether it runs, and the one before."""
    state, last = status.get("state") or {}, status.get("lastState") or {}
    before = (last.get("terminated") or {}).get("containerID") or ""
    if "running" in state:
        return status.get("containerID") or "", True, before
    ended = (state.get("terminated") or {}).get("containerID") or ""
    return ended, False, before
