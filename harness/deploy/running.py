"""An app that runs already, which a scenario restarts and leaves as it was."""

from harness.deploy.app import App
from harness.errors import Impossible, KubeError, UsageError
from harness.kube import Kube, Object
from harness.manifests import Manifest, essential
from harness.replicas import API_VERSIONS, lacking
from harness.shape import Shape, counts, name_of, port_of, sends_to


def running(kube: Kube, namespace: str, kind: str, name: str, service: str = "", port: int | str = "") -> App:
    """The app as the cluster has it; its manifests are what matters to restarts of the workload, of the Services that
    send to it and of the budgets that count it.

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
    about = _about(kube, workload, namespace)
    if not service:
        return App(name, essential([workload, *about]), None, 0, dict(selector), kind)
    called = _found(kube, "v1", "Service", service, namespace)
    others = [one for one in about if (one["kind"], name_of(one)) != ("Service", service)]
    manifests = essential([workload, called, *others])
    return App(name, manifests, f"{service}.{namespace}", port_of(called, port), dict(selector), kind)


def _about(kube: Kube, workload: Object, namespace: str) -> list[Manifest]:
    """The Services that send to a workload's pods, and the budgets that count them."""
    (pods,) = Shape.of([workload]).workloads
    found = [
        {"apiVersion": api_version, "kind": kind, **one}
        for api_version, kind in (("v1", "Service"), ("policy/v1", "PodDisruptionBudget"))
        for one in kube.list(api_version, kind, namespace)
    ]
    return [one for one in found if (sends_to(one, pods) if one["kind"] == "Service" else counts(one, pods))]


def _found(kube: Kube, api_version: str, kind: str, name: str, namespace: str) -> Object:
    try:
        return {"apiVersion": api_version, "kind": kind, **kube.get(api_version, kind, name, namespace)}
    except KubeError as exc:
        if exc.status != 404:
            raise
        raise UsageError(f"there is no {kind} {name} in the namespace {namespace}") from exc
