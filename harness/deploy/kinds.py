"""An app as another kind of workload: its Deployment's pods under a StatefulSet, a DaemonSet or a Job."""

from dataclasses import replace

from harness import manifests
from harness.deploy.app import App
from harness.manifests import Manifest
from harness.replicas import API_VERSIONS


def stateful(app: App, *, policy: str = "OrderedReady", max_unavailable: int | None = None) -> App:
    """The app as a StatefulSet, with its `podManagementPolicy` and, if given, its update's `maxUnavailable`."""
    rolling = {} if max_unavailable is None else {"maxUnavailable": max_unavailable}
    update = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return _as(
        app, "StatefulSet", {"serviceName": app.service, "podManagementPolicy": policy, "updateStrategy": update}
    )


def daemons(app: App, *, max_surge: int = 0, min_ready_s: int = 0) -> App:
    """The app as a DaemonSet: a pod on each node that tolerates it; with `max_surge` the new one comes first.

    A pod counts as available once it has been Ready for `min_ready_s`.
    """
    rolling = {"maxSurge": max_surge, "maxUnavailable": 0 if max_surge else 1}
    spec = {"replicas": None, "minReadySeconds": min_ready_s, "updateStrategy": {"rollingUpdate": rolling}}
    return _as(app, "DaemonSet", spec)


def job(app: App, *, replacement: str) -> App:
    """The app as a Job of as many pods at once; `replacement` is its `podReplacementPolicy`. Its Service goes."""
    deployment = manifests.of_kind(app.manifests, "Deployment")
    pods = deployment["spec"]["replicas"]
    counts = {"parallelism": pods, "completions": pods, "backoffLimit": 10 * pods}
    once: Manifest = {"spec": {"restartPolicy": "Never"}}
    spec = {"replicas": None, "selector": None, **counts, "podReplacementPolicy": replacement, "template": once}
    made = _as(app, "Job", spec)
    without = [manifest for manifest in made.manifests if manifest["kind"] != "Service"]
    return replace(made, service=None, manifests=without)


def _as(app: App, kind: str, spec: Manifest) -> App:
    """The app with its Deployment turned into another kind, `spec` laid over its own."""
    deployment = manifests.of_kind(app.manifests, "Deployment")
    change = {"apiVersion": API_VERSIONS[kind], "kind": kind, "spec": {"strategy": None, **spec}}
    made = [manifests.merged(one, change) if one is deployment else one for one in app.manifests]
    return replace(app, kind=kind, manifests=made)
