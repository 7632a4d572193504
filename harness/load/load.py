"""Starts the load, and stops it so that nothing of what it measured is lost."""

from harness import wait
from harness.clock import now_ns
from harness.errors import KubeError, WaitTimeout
from harness.history import Recorder
from harness.kube import Kube
from harness.load.pod import BACKGROUND, CONTROL, IMAGE, MEASURE, POD, SERVER_IMAGE, Target, control_server, load_pod
from harness.load.steady import steady_since_ns, unsteady
from harness.records import EndpointsSeen, Log, PodSeen, ProbeEnded, ProbeStarted, RequestBatch, Steady

_GRACE_S = 15
_BATCHES = 200
"""More than the probers write while they become steady."""


class Load:
    """Load on one Service from a pod of its own. The observer must be running: it brings the probers' rows.

    Without a service only the control is asked. `background_rate`: requests/s by Locust besides; 0 for none.
    """

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        namespace: str,
        *,
        service: str | None,
        port: int = 80,
        path: str = "/",
        expect_status: int = 200,
        interval_ms: float = 10,
        deadline_s: float = 1,
        background_rate: float = 0,
        image: str = IMAGE,
        server_image: str = SERVER_IMAGE,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._namespace = namespace
        self._probes = (MEASURE, CONTROL) if service else (CONTROL,)
        self._all = (*self._probes, BACKGROUND) if service and background_rate > 0 else self._probes
        self._control = control_server(server_image)
        self._pod = load_pod(
            Target(service, port, path, expect_status) if service else None,
            interval_ms=interval_ms,
            deadline_s=deadline_s,
            background_rate=background_rate,
            image=image,
        )

    def start(self, timeout_s: float = 60.0) -> None:
        """Create the pods; return once every prober is steady. What came before is its warm-up (`records.Steady`)."""
        self._kube.apply(self._control, self._namespace)
        wait.until(
            self._control_ready, f"a ready endpoint of the Service {CONTROL}", timeout_s, 0.2, self._control_says
        )
        self._kube.apply([self._pod], self._namespace)
        moment_ns = self._wait_steady(timeout_s)
        self._recorder.add(Steady(steady_since_ns(moment_ns)))

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until every prober is steady again; whether that came about in time."""
        try:
            self._wait_steady(timeout_s)
        except WaitTimeout:
            return False
        return True

    def stop(self, timeout_s: float = 30.0) -> None:
        """Delete the pod with time to write its last rows, and wait for every prober's last word."""
        try:
            self._kube.delete_pod(POD, self._namespace, grace_s=_GRACE_S)
        except KubeError as exc:
            # Without a pod there is nothing to stop; what is missing of its rows shows below.
            if exc.status != 404:
                raise
        wait.until(
            lambda: not self._unended(),
            f"the last word of the probers in {self._namespace}",
            timeout_s,
            0.25,
            last=lambda: f"none of {', '.join(self._unended())}",
        )

    def _wait_steady(self, timeout_s: float) -> int:
        """The moment at which every prober was steady."""
        moment_ns = 0

        def unsteady_now() -> list[str]:
            nonlocal moment_ns
            moment_ns = now_ns()
            batches = self._recorder.tail(RequestBatch, _BATCHES)
            begun = {record.probe for record in self._recorder.tail(ProbeStarted, _BATCHES)}
            silent = [f"prober {probe}: has not begun" for probe in self._all if probe not in begun]
            return silent + [why for probe in self._probes if (why := unsteady(batches, probe, moment_ns))]

        wait.until(
            lambda: not unsteady_now(),
            f"steady answers to the probers in {self._namespace}",
            timeout_s,
            0.25,
            last=lambda: "; ".join([*unsteady_now(), *self._pod_says()]),
        )
        return moment_ns

    def _unended(self) -> list[str]:
        """The probers that have not said their last word."""
        history = self._recorder.history()
        return sorted(set(self._all) - {record.probe for record in history.of(ProbeEnded)})

    def _control_ready(self) -> bool:
        seen = {record.slice: record for record in self._recorder.history().of(EndpointsSeen)}
        return any(one.ready for record in seen.values() if record.service == CONTROL for one in record.endpoints)

    def _control_says(self) -> str:
        pods = [pod for pod in self._recorder.history().of(PodSeen) if pod.labels.get("app") == CONTROL]
        states = [f"{one.name} {one.state} {one.reason}" for one in pods[-1].containers] if pods else []
        return ", ".join([pods[-1].phase, *states]) if pods else "no pod of it"

    def _pod_says(self) -> list[str]:
        try:
            status = self._kube.get("v1", "Pod", POD, self._namespace).get("status", {})
        except KubeError as exc:
            return [str(exc)]
        said = [f"the pod {POD} is {status.get('phase', 'unknown')}"]
        said += [item["message"] for item in status.get("conditions") or [] if item.get("message")]
        logs = [log.line for log in self._recorder.history().of(Log) if log.pod == POD]
        return said + logs[-3:]
