"""What probes promise wrongly."""

from collections.abc import Iterator
from typing import Any

from harness.look.found import Scene
from harness.manifests import Manifest
from harness.patch import container_patch
from harness.results import Finding
from harness.shape import Container, Workload, at, whole

PAUSE_S = 10
"""A liveness probe that gives up sooner is taken for one that a pause trips; the default gives up after 30 s."""

HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def handler(probe: Any) -> Any:
    """What a probe asks."""
    return next(((kind, probe[kind]) for kind in HANDLERS if at(probe, kind) is not None), None)


def gives_up_s(probe: Any) -> int:
    """After how long a failure has its effect."""
    return whole(at(probe, "periodSeconds"), 10) * whole(at(probe, "failureThreshold"), 3)


def asks(port: int | str) -> Manifest:
    """A readiness probe that any server passes that listens; one that asks the app itself is better."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 2}


def starts(port: int | str) -> Manifest:
    """A startup probe that waits for two minutes at most."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 120}


def no_readiness_probe(scene: Scene) -> Iterator[Finding]:
    """Containers that a Service sends to, without a readiness probe."""
    for workload in scene.served():
        for container, port in scene.shape.serving(workload):
            if at(container.spec, "readinessProbe") is None:
                change = container_patch(workload, container, {"readinessProbe": asks(port)})
                what = f"container {container.name} is behind a Service without a readiness probe"
                yield scene.found(
                    "no-readiness-probe", workload.number, (*workload.path, *container.path), what, change
                )


def liveness(scene: Scene) -> Iterator[Finding]:
    """Liveness probes that are the readiness probe, that give up too soon, or that guess the start-up time."""
    for workload in scene.shape.workloads:
        for container in (*workload.mains, *workload.sidecars):
            probe = at(container.spec, "livenessProbe")
            if isinstance(probe, dict):
                yield from _liveness(scene, workload, container, probe)


def _liveness(scene: Scene, workload: Workload, container: Container, probe: Manifest) -> Iterator[Finding]:
    path = (*workload.path, *container.path, "livenessProbe")
    ready = at(container.spec, "readinessProbe")
    slower = container_patch(workload, container, {"livenessProbe": {"periodSeconds": 10, "failureThreshold": 6}})
    lasts = gives_up_s(probe)
    if handler(probe) is not None and handler(probe) == handler(ready) and lasts <= gives_up_s(ready):
        what = f"container {container.name}: liveness asks what readiness asks, and gives up as soon ({lasts} s)"
        yield scene.found("liveness-is-readiness", workload.number, path, what, slower)
    elif lasts < PAUSE_S:
        what = f"container {container.name}: liveness gives up after {lasts} s"
        yield scene.found("liveness-too-fast", workload.number, path, what, slower)
    delay = whole(probe.get("initialDelaySeconds"), 0)
    asked = handler(probe)
    if delay and at(container.spec, "startupProbe") is None and asked is not None:
        startup = {asked[0]: asked[1], "periodSeconds": 1, "failureThreshold": max(60, 4 * delay)}
        change = {"startupProbe": startup, "livenessProbe": {"initialDelaySeconds": 0}}
        what = f"container {container.name}: liveness waits {delay} s for the start, and there is no startup probe"
        yield scene.found(
            "liveness-without-startup", workload.number, (*path, "initialDelaySeconds"), what,
            container_patch(workload, container, change),
        )  # fmt: skip
