"""An app that runs already, which a scenario restarts and leaves as it was."""

from harness.deploy.app import App
from harness.errors import Impossible, KubeError, UsageError
from harness.kube import Kube, Object
from harness.replicas import API_VERSIONS, lacking


def running(kube: Kube, namespace: str, kind: str, name: str, service: str = "", port: int = 0) -> App:
    """The app as the cluster has it, with nothing to apply. Its Service, if one is named, is called by its full name.

    Raises UsageError where it is not there or cannot be told by labels, Impossible where it is not whole now: what
    comes then would not be the restart's doing.
    """
    workload = {"kind": kind, **_found(kube, API_VERSIONS[kind], kind, name, namespace)}
    if lacks := lacking(workload):
        raise Impossible(f"{kind} {namespace}/{name} is not whole before the restart: {lacks}")
    selector = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    if not selector or workload["spec"]["selector"].get("matchExpressions"):
        raise UsageError(f"{kind} {namespace}/{name}: its pods are told by more than spec.selector.matchLabels")
    if service and not port:
        port = int(_found(kube, "v1", "Service", service, namespace)["spec"]["ports"][0]["port"])
    return App(name, [], f"{service}.{namespace}" if service else None, port, dict(selector), kind)


def _found(kube: Kube, api_version: str, kind: str, name: str, namespace: str) -> Object:
    try:
        return kube.get(api_version, kind, name, namespace)
    except KubeError as exc:
        if exc.status != 404:
            raise
        raise UsageError(f"there is no {kind} {name} in the namespace {namespace}") from exc
