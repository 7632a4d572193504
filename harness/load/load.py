"""Starts the load, and stops it so that nothing of what it measured is lost."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from harness import wait
from harness.clock import NS_PER_S, now_ns
from harness.errors import KubeError, Refused, UsageError, WaitTimeout
from harness.history import Recorder
from harness.images import unpulled
from harness.kube import Kube
from harness.load.network import Network
from harness.load.pod import BACKGROUND, CONTROL, IMAGE, POD, SERVER_IMAGE, control_server, load_pods, pods_service
from harness.load.probes import HOME, Ask, EachPod, NewConnections, Probe, Streams, Target
from harness.load.steady import due, ended, steady_since_ns, unconnected, unsteady, unsteady_streams
from harness.load.swarm import Swarm
from harness.manifests import Manifest
from harness.records import Beats, EndpointsSeen, Log, PodSeen, ProbeEnded, ProbeStarted, RequestBatch, Steady

BARRED_S = 15.0
"""Where no connection comes about for so long, and NetworkPolicies are to blame, no more is waited."""

_BARRED_NS = round(BARRED_S * NS_PER_S)
_GRACE_S = 15
_BATCHES = 400
"""More than the probers write while they become steady."""


def objects(
    target: Target | None, probes: Sequence[Probe], selector: Mapping[str, str], *, interval_ms: float = 10,
    deadline_s: float = 1, background_rate: float = 0, swarm: Swarm | None = None, image: str = IMAGE,
    server_image: str = SERVER_IMAGE,
) -> tuple[list[Manifest], list[Manifest]]:  # fmt: skip
    """What a load is made of: what its pods need, then its pods."""
    before = control_server(server_image)
    before += [pods_service(selector, probe.port) for probe in probes if isinstance(probe, EachPod)]
    pods = load_pods(
        target, probes, interval_ms=interval_ms, deadline_s=deadline_s, background_rate=background_rate, image=image
    )
    if swarm and target:
        before += swarm.before()
        pods += swarm.pods(target, image)
    return before, pods


class Load:
    """Load on one Service from a pod of its own. The observer must be running: it brings the probers' rows.

    Without a service only the control is asked. `selector` names its pods, for a probe of each. `background_rate`:
    requests/s by Locust besides; 0 for none; `swarm`: Locust in pods of its own instead. `starting` is held while pods
    are made and start. Raises UsageError where two probes have one name.
    """

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        namespace: str,
        *,
        service: str | None,
        port: int = 80,
        ask: Ask = HOME,
        probes: Sequence[Probe] = (NewConnections(),),
        selector: Mapping[str, str] | None = None,
        interval_ms: float = 10,
        deadline_s: float = 1,
        background_rate: float = 0,
        swarm: Swarm | None = None,
        image: str = IMAGE,
        server_image: str = SERVER_IMAGE,
        starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._namespace = namespace
        self._starting = starting
        self._service = service or ""
        self._selector = dict(selector or {})
        self._probes = list(probes) if service else []
        measuring = [*(probe.name for probe in self._probes), CONTROL]
        if twice := sorted({name for name in measuring if measuring.count(name) > 1}):
            raise UsageError(f"two probes are called {', '.join(twice)}: they need names of their own")
        background_rate = 0 if swarm else background_rate
        loading = swarm.names if swarm else [BACKGROUND] if background_rate > 0 else []
        self._all = [*measuring, *loading] if service else measuring
        target = Target(service, port, ask) if service else None
        self._before, self._pods = objects(
            target, self._probes, selector or {}, interval_ms=interval_ms, deadline_s=deadline_s,
            background_rate=background_rate, swarm=swarm, image=image, server_image=server_image,
        )  # fmt: skip

    def start(self, timeout_s: float = 60.0) -> None:
        """Create the pods; return once every prober is steady. What came before is its warm-up (`records.Steady`).

        Raises WaitTimeout, which says what each prober saw last, and Refused where NetworkPolicies keep them out.
        """
        with self._starting():
            self._kube.apply(self._before, self._namespace)
        wait.until(
            self._control_ready, f"a ready endpoint of the Service {CONTROL}", timeout_s, 0.2, self._control_says
        )
        with self._starting():
            self._kube.apply(self._pods, self._namespace)
        moment_ns = self._wait_steady(timeout_s, whole=True)
        self._recorder.add(Steady(steady_since_ns(moment_ns)))

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until every prober is steady again; whether that came about in time."""
        try:
            self._wait_steady(timeout_s, whole=False)
        except WaitTimeout:
            return False
        return True

    def stop(self, timeout_s: float = 30.0) -> None:
        """Delete the pods with time to write their last rows, and wait for every prober's last word."""
        for pod in self._pods:
            try:
                self._kube.delete_pod(pod["metadata"]["name"], self._namespace, grace_s=_GRACE_S)
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

    def _wait_steady(self, timeout_s: float, whole: bool) -> int:
        """The moment at which every prober was steady; `whole`: at the start, with all its streams, else with any."""
        moment_ns = 0
        looked = not whole

        def unsteady_now() -> list[str]:
            nonlocal moment_ns
            moment_ns = now_ns()
            begun = {record.probe for record in self._recorder.tail(ProbeStarted, _BATCHES)}
            silent = [f"prober {probe}: has not begun" for probe in self._all if probe not in begun]
            return silent + self._unsteady(moment_ns, whole)

        def steady() -> bool:
            nonlocal looked
            if not unsteady_now():
                return True
            if not looked and self._has_begun(CONTROL, moment_ns - _BARRED_NS) and CONTROL in self._mute(moment_ns):
                looked = True
                if shut := self._network(moment_ns).shut():
                    raise Refused(f"no connection came about in {BARRED_S:g} s: {shut}")
            return False

        wait.until(
            steady,
            f"steady answers to the probers in {self._namespace}",
            timeout_s,
            0.25,
            last=lambda: "; ".join([*unsteady_now(), *self._pod_says(), *self._network(moment_ns).says()]),
        )
        return moment_ns

    def _unsteady(self, moment_ns: int, whole: bool) -> list[str]:
        """What keeps each prober from being steady."""
        batches = self._recorder.tail(RequestBatch, _BATCHES)
        beats = self._recorder.tail(Beats, _BATCHES)
        found = []
        for probe in self._probes:
            if isinstance(probe, Streams):
                found.append(unsteady_streams(batches, beats, probe.name, moment_ns, probe.count if whole else 1))
            else:
                found.append(unsteady(batches, probe.name, moment_ns, ended if probe.slow else due))
        found.append(unsteady(batches, CONTROL, moment_ns))
        return [why for why in found if why]

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

    def _has_begun(self, probe: str, before_ns: int) -> bool:
        started = self._recorder.tail(ProbeStarted, _BATCHES)
        return any(record.probe == probe and record.t_ns <= before_ns for record in started)

    def _mute(self, moment_ns: int) -> list[str]:
        """The probers that got no connection for a while, those that have not begun among them."""
        batches = self._recorder.tail(RequestBatch, _BATCHES)
        beats = {record.probe for record in self._recorder.tail(Beats, _BATCHES)}
        names = [*(probe.name for probe in self._probes), CONTROL]
        return [one for one in names if one not in beats and unconnected(batches, one, moment_ns - _BARRED_NS)]

    def _network(self, moment_ns: int) -> Network:
        """What is between the probers and what they ask, as far as it can be told."""
        mute = self._mute(moment_ns)
        return Network(self._kube, self._recorder.history(), self._namespace, self._service, self._selector, mute)

    def _pod_says(self) -> list[str]:
        try:
            pod = self._kube.get("v1", "Pod", POD, self._namespace)
        except KubeError as exc:
            return [str(exc)]
        status = pod.get("status", {})
        said = [f"the pod {POD} is {status.get('phase', 'unknown')}"]
        said += [item["message"] for item in status.get("conditions") or [] if item.get("message")]
        said += filter(None, [unpulled([pod], passing=True)])
        logs = [log.line for log in self._recorder.history().of(Log) if log.pod == POD]
        return said + logs[-3:]
