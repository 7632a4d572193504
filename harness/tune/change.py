"""The change that is tried: an app's manifests with another preStop sleep. Pure."""

from dataclasses import replace

from harness import patch
from harness.deploy import App
from harness.errors import UsageError
from harness.manifests import Manifest
from harness.shape import Shape, Workload

SHUTDOWN_S = 10
"""What a process gets to stop by itself after its sleep, where its grace period leaves it less."""


def sleep_patch(app: App, sleep_s: int) -> Manifest:
    """The patch by which what the Service sends to sleeps so long before its stop signal; none for 0.

    Raises UsageError where no Service sends to the app.
    """
    shape = Shape.of(app.manifests)
    workload = _workload(shape, app)
    serving = [one for one, _ in shape.serving(workload) if not one.is_sidecar] or workload.mains
    containers = [{"name": one.name, **patch.sleeping(one, sleep_s)} for one in serving]
    grace_s = max(workload.grace_s, sleep_s + SHUTDOWN_S)
    change = {"terminationGracePeriodSeconds": grace_s, "containers": containers}
    return patch.patch_of(workload.manifest, workload.path, change)


def _workload(shape: Shape, app: App) -> Workload:
    found = [one for one in shape.workloads if (one.kind, one.name) == (app.kind, app.name)]
    if not found or not shape.services(found[0]):
        raise UsageError(f"{app.kind} {app.name} has no Service that sends to it: there is no drain to tune")
    return found[0]


def slept(app: App, sleep_s: int) -> App:
    """The app with that sleep."""
    return replace(app, manifests=patch.patched(app.manifests, [sleep_patch(app, sleep_s)]))
