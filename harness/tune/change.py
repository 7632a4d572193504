"""The change that is tried: an app's manifests with other settings. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness import patch
from harness.deploy import App
from harness.errors import UsageError
from harness.load import Ask
from harness.look.availability import KEPT
from harness.look.probes import gives_up_s, handler
from harness.manifests import Manifest
from harness.shape import Container, Shape, Workload, at, share_of, whole
from harness.tune.search import Point

MORE = 2
"""So many replicas more than there are may be tried."""

DEFAULT_PERIOD_S = 10
READY_FAILURES = 2

LEAST_STARTUP_S = 30
"""A startup probe that is new gives up after so long at the soonest."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is tried. `create_first`: a rollout makes a new pod before it stops an old one; `probed`: what lacks a
    readiness probe gets one; a start may take `startup_s`. None leaves a thing as it is.
    """

    sleep_s: int
    more_replicas: int = 0
    create_first: bool = False
    probed: bool = False
    grace_s: int | None = None
    ready_period_s: int | None = None
    startup_s: int | None = None

    @classmethod
    def at(cls, point: Point) -> "Setting":
        """That of a point of the search: replicas, strategy, probe, sleep."""
        more, create_first, probed, sleep_s = point
        return cls(sleep_s, more, bool(create_first), bool(probed))

    @property
    def words(self) -> str:
        """What is tried, in words."""
        more = f", {self.more_replicas} more replica{'s' if self.more_replicas > 1 else ''}" * bool(self.more_replicas)
        return (
            f"sleep {self.sleep_s} s{more}{', maxUnavailable 0' * self.create_first}"
            f"{', a readiness probe' * self.probed}"
        )


class Bench:
    """An app, and how it is changed. Raises UsageError where no Service sends to it."""

    def __init__(self, app: App, ask: Ask | None = None) -> None:
        self.app = app
        self._ask = ask or Ask()
        self._shape = Shape.of(app.manifests)
        found = [one for one in self._shape.workloads if (one.kind, one.name) == (app.kind, app.name)]
        if not found or not self._shape.services(found[0]):
            raise UsageError(f"{app.kind} {app.name} has no Service that sends to it: there is no drain to tune")
        self.workload: Workload = found[0]
        self.replicas = self._shape.replicas(self.workload)
        self._ports = {one.path: port for one, port in self._shape.serving(self.workload)}

    @property
    def serving(self) -> list[Container]:
        """The containers that a Service sends to; all main ones where ports do not tell."""
        everyone = [*self.workload.mains, *self.workload.sidecars]
        return [one for one in everyone if one.path in self._ports] or self.workload.mains

    def most(self, longest_s: int, paths: Sequence[str]) -> Point:
        """The most that can be of each number of a point; the least of each is 0."""
        scaled = [at(one, "spec", "scaleTargetRef", "name") for one in self._shape.manifests]
        more = MORE if self.workload.kind in KEPT and self.workload.name not in scaled else 0
        strategy = at(self.workload.manifest, "spec", "strategy")
        unavailable = at(strategy, "rollingUpdate", "maxUnavailable")
        pods = share_of("25%" if unavailable is None else unavailable, self.replicas, up=False)
        stops_first = at(strategy, "type") == "Recreate" or bool(pods)
        first = self.workload.kind == "Deployment" and "rollout" in paths and stops_first
        bare = any(at(one.spec, "readinessProbe") is None for one in self.serving if one.path in self._ports)
        return more, int(first), int(bare), longest_s

    def longest_s(self, setting: Setting) -> int:
        """How long the pod's longest sleep is."""
        return max((sleep_s for _, sleep_s in self._sleeps(setting)), default=0)

    def patches(self, setting: Setting) -> list[Manifest]:
        """The patch by which the app has these settings; none where it has them already."""
        pod = self._pod(setting)
        change: Manifest = {"template": {"spec": pod}} if pod else {}
        if setting.create_first:
            change = {"strategy": self._strategy(), **change}
        if setting.more_replicas:
            change = {"replicas": self.replicas + setting.more_replicas, **change}
        return [patch.patch_of(self.workload.manifest, ("spec",), change)] if change else []

    def changed(self, setting: Setting) -> App:
        """The app with these settings."""
        return replace(self.app, manifests=patch.patched(self.app.manifests, self.patches(setting)))

    def _pod(self, setting: Setting) -> Manifest:
        pod: Manifest = {}
        if setting.grace_s is not None and setting.grace_s != self.workload.grace_s:
            pod["terminationGracePeriodSeconds"] = setting.grace_s
        changes: dict[str, list[Manifest]] = {}
        for one, sleep_s in self._sleeps(setting):
            change = self._container(one, sleep_s, setting)
            if change:
                changes.setdefault(str(one.path[0]), []).append({"name": one.name, **change})
        return {**pod, **changes}

    def _sleeps(self, setting: Setting) -> list[tuple[Container, int]]:
        """What a Service sends to sleeps as told; what stands behind it sleeps on until that has stopped.

        A native sidecar is stopped last, so that one in front needs what is behind it to sleep.
        """
        fronts = [one for one in self.serving if not one.is_sidecar]
        behind = [one for one in self.workload.mains if one.path not in [front.path for front in fronts]]
        later_s = setting.sleep_s + bool(setting.sleep_s and fronts)
        return [(one, setting.sleep_s) for one in fronts] + [(one, later_s) for one in behind]

    def _container(self, one: Container, sleep_s: int, setting: Setting) -> Manifest:
        change: Manifest = {}
        native = at(one.spec, "lifecycle", "preStop", "sleep", "seconds")
        if native != sleep_s and (sleep_s or one.pre_stop_s is not None):
            change |= patch.sleeping(one, sleep_s)
        if one.path in self._ports:
            change |= self._probes(one, setting)
        return change

    def _probes(self, one: Container, setting: Setting) -> Manifest:
        """Its readiness probe, made or given another period, and its startup probe."""
        probe, period_s = at(one.spec, "readinessProbe"), setting.ready_period_s
        made: dict[str, Any] = {}
        if probe is None and setting.probed:
            made["readinessProbe"] = {
                **self._asks(one),
                "periodSeconds": period_s or 1,
                "failureThreshold": READY_FAILURES,
            }
        elif probe is not None and period_s is not None and period_s < period_of(probe):
            # It gives up as late as before: only a pod that has become ready is to be noticed sooner.
            made["readinessProbe"] = {"periodSeconds": period_s, "failureThreshold": -(-gives_up_s(probe) // period_s)}
        if setting.startup_s is not None and (startup := self._startup(one, setting.startup_s)):
            made["startupProbe"] = startup
        return made

    def _asks(self, one: Container) -> Manifest:
        """What a new probe asks: as the load does where a probe can, else the port."""
        port, ask = self._ports[one.path], self._ask
        if ask.method == "GET" and all(200 <= one < 400 for one in ask.good) and not ask.headers:
            return {"httpGet": {"path": ask.path, "port": port}}
        return {"tcpSocket": {"port": port}}

    def _startup(self, one: Container, startup_s: int) -> Manifest:
        """What a liveness probe has to wait for; empty where there is none, or it has time enough."""
        alive, there = at(one.spec, "livenessProbe"), at(one.spec, "startupProbe")
        asked = handler(alive)
        if there is not None:
            short = gives_up_s(there) < startup_s
            return {"failureThreshold": math.ceil(startup_s / period_of(there))} if short else {}
        failures = max(LEAST_STARTUP_S, startup_s)
        return {asked[0]: asked[1], "periodSeconds": 1, "failureThreshold": failures} if asked else {}

    def _strategy(self) -> Manifest:
        """A rollout that makes a new pod first, as many at once as now, one at least."""
        said = at(self.workload.manifest, "spec", "strategy", "rollingUpdate", "maxSurge")
        surge = said if share_of(said, self.replicas, up=True) else 1
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}


def period_of(probe: Any) -> int:
    """A probe's period in seconds."""
    return whole(at(probe, "periodSeconds"), DEFAULT_PERIOD_S)
