"""Starts the load, and stops it so that nothing of what it measured is lost."""

from harness import wait
from harness.errors import KubeError
from harness.history import History, Recorder
from harness.kube import Kube
from harness.load.pod import CONTROL, IMAGE, MEASURE, POD, SERVER_IMAGE, Target, control_server, load_pod
from harness.records import EndpointsSeen, Log, PodSeen, ProbeEnded, RequestBatch
from harness.requests import Requests

_STEADY_ROWS = 30
_GRACE_S = 15


class Load:
    """Load on one Service from a pod of its own. The observer must be running: it brings the probers' rows.

    `background_rate`: requests/s by Locust besides; 0 for none.
    """

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        namespace: str,
        *,
        service: str,
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
        self._control = control_server(server_image)
        self._pod = load_pod(
            Target(service, port, path, expect_status),
            interval_ms=interval_ms,
            deadline_s=deadline_s,
            background_rate=background_rate,
            image=image,
        )

    def start(self, timeout_s: float = 60.0) -> None:
        """Create the pods; return once both probers' rows come in and are good."""
        self._kube.apply(self._control, self._namespace)
        wait.until(
            self._control_ready, f"a ready endpoint of the Service {CONTROL}", timeout_s, 0.2, self._control_says
        )
        self._kube.apply([self._pod], self._namespace)
        wait.until(
            lambda: not unsteady(self._recorder.history()),
            f"good rows of the probers in {self._namespace}",
            timeout_s,
            0.25,
            last=lambda: "; ".join([*unsteady(self._recorder.history()), *self._pod_says()]),
        )

    def stop(self, timeout_s: float = 30.0) -> None:
        """Delete the pod with time to write its last rows, and wait for both probers' last word."""
        try:
            self._kube.delete_pod(POD, self._namespace, grace_s=_GRACE_S)
        except KubeError as exc:
            # Without a pod there is nothing to stop; what is missing of its rows shows below.
            if exc.status != 404:
                raise
        wait.until(
            lambda: not unended(self._recorder.history()),
            f"the last word of the probers in {self._namespace}",
            timeout_s,
            0.25,
            last=lambda: f"none of {', '.join(unended(self._recorder.history()))}",
        )

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


def unsteady(history: History) -> list[str]:
    """What keeps the probers from being called steady: each must have a run of good rows to its present end."""
    return [why for probe in (MEASURE, CONTROL) if (why := _unsteady(history.requests(probe)))]


def _unsteady(requests: Requests) -> str:
    if len(requests) < _STEADY_ROWS:
        return f"prober {requests.probe}: {len(requests)} rows, {_STEADY_ROWS} needed"
    if requests.ok[-_STEADY_ROWS:].all():
        return ""
    bad = max(index for index in range(len(requests)) if not requests.ok[index])
    row = requests[bad]
    return f"prober {requests.probe}: a row is {row.outcome} ({row.phase} {row.error} {row.status})"


def unended(history: History) -> list[str]:
    """The probers that have begun to send rows, or should have, and have not said their last word."""
    ended = {record.probe for record in history.of(ProbeEnded)}
    begun = {record.probe for record in history.of(RequestBatch)} | {MEASURE, CONTROL}
    return sorted(begun - ended)
