"""An app that runs already, which a scenario restarts and leaves as it was."""

from harness.deploy.app import App
from harness.errors import Impossible, KubeError, UsageError
from harness.kube import Kube, Object
from harness.manifests import essential
from harness.replicas import API_VERSIONS, lacking
from harness.shape import port_of


def running(kube: Kube, namespace: str, kind: str, name: str, service: str = "", port: int | str = "") -> App:
    """The app as the cluster has it; its manifests are what matters to restarts of workload and Service.

    The Service, if one is named, is called by its full name; `port` is its number or name, else its first.

    Raises UsageError where it is not there or cannot be told by labels, Impossible where it is not whole now: what
    comes then would not be the restart's doing.
    """
    workload = _found(kube, API_VERSIONS[kind], kind, name, namespace)
    if lacks := lacking(workload):
        raise Impossible(f"{kind} {namespace}/{name} is not whole before the restart: {lacks}")
    selector = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    if not selector or workload["spec"]["selector"].get("matchExpressions"):
        raise UsageError(f"{kind} {namespace}/{name}: its pods are told by more than spec.selector.matchLabels")
    if not service:
        return App(name, essential([workload]), None, 0, dict(selector), kind)
    called = _found(kube, "v1", "Service", service, namespace)
    manifests = essential([workload, called])
    return App(name, manifests, f"{service}.{namespace}", port_of(called, port), dict(selector), kind)


def _found(kube: Kube, api_version: str, kind: str, name: str, namespace: str) -> Object:
    try:
        return {"apiVersion": api_version, "kind": kind, **kube.get(api_version, kind, name, namespace)}
    except KubeError as exc:
        if exc.status != 404:
            raise
        raise UsageError(f"there is no {kind} {name} in the namespace {namespace}") from exc
