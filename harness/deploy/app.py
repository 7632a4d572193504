"""An app under test: its manifests, how it is reached, and whether it is ready."""

import itertools
from dataclasses import dataclass

from harness import wait
from harness.errors import Refused
from harness.images import unpulled
from harness.kube import Kube, Object, by_rule
from harness.manifests import Manifest
from harness.replicas import API_VERSIONS, is_ready, lacking, wanted_replicas

_REFUSED_EVERY = 5
"""Looks: an app that is not ready is asked each 0.2 s, its controller's refusals each second."""

_PULLS = 15
"""Refusals asked for in a row: kubelets pull again after 10 s, by when a Secret may have come that was missing."""


@dataclass(frozen=True, slots=True)
class App:
    """What is deployed. `kind` and `name` say which manifest makes the pods; `service` is None if nothing calls it."""

    name: str
    manifests: list[Manifest]
    service: str | None
    port: int
    selector: dict[str, str]
    kind: str = "Deployment"


def apply(kube: Kube, app: App, namespace: str) -> None:
    """Bring the app's manifests into the namespace, in order."""
    kube.apply(app.manifests, namespace)


def wait_ready(kube: Kube, app: App, namespace: str, timeout_s: float = 90.0) -> None:
    """Wait until the rollout is complete, the Service has every replica as ready and budgets count them.

    Raises WaitTimeout, which says which pod waits for what, and Refused: at once where a rule keeps its pods away,
    after some 15 s where they do not get their images.
    """
    seen: list[str] = ["nothing"]
    asked = itertools.count()
    imageless = 0

    def ready() -> bool:
        nonlocal imageless
        workload = kube.get(API_VERSIONS[app.kind], app.kind, app.name, namespace)
        seen[0] = lacking(workload)
        wanted = wanted_replicas(workload)
        for kind, name in _others(app) if not seen[0] else ():
            seen[0] = seen[0] or _of(kind, name, lacking(kube.get(API_VERSIONS[kind], kind, name, namespace)))
        if not seen[0] and app.service is not None:
            seen[0] = _unrouted(kube, app.service, namespace, wanted)
        for name in _budgets(app, workload):
            seen[0] = seen[0] or uncounted(kube.get("policy/v1", "PodDisruptionBudget", name, namespace), wanted)
        if seen[0] and next(asked) % _REFUSED_EVERY == 0:
            if refusal := refused(kube, app, namespace):
                raise Refused(refusal)
            lack = unpulled(_pods(kube, app, namespace))
            imageless = imageless + 1 if lack else 0
            if imageless == _PULLS:
                raise Refused(f"the pods of {app.kind} {app.name} in {namespace} cannot start: {lack}")
        return not seen[0]

    def last() -> str:
        return "; ".join([seen[0], *_pods_say(kube, app, namespace)])

    wait.until(ready, f"{app.kind} {app.name} in {namespace} to be ready", timeout_s, 0.2, last=last)


def _others(app: App) -> list[tuple[str, str]]:
    """What else there is that makes pods for long, such as the app's database."""
    found = [(one["kind"], one["metadata"]["name"]) for one in app.manifests]
    return [
        one for one in found if one[0] in ("Deployment", "StatefulSet", "DaemonSet") and one != (app.kind, app.name)
    ]


def _of(kind: str, name: str, lack: str) -> str:
    return f"{kind} {name}: {lack}" if lack else ""


def _budgets(app: App, workload: Object) -> list[str]:
    """The names of the budgets that count the app's pods."""
    budgets = [one for one in app.manifests if one["kind"] == "PodDisruptionBudget"]
    if not budgets:
        return []
    labels = app.selector if app.kind == "Pod" else workload["spec"]["template"]["metadata"].get("labels") or {}
    wanted = {one["metadata"]["name"]: (one["spec"].get("selector") or {}).get("matchLabels") or {} for one in budgets}
    return [name for name, chosen in wanted.items() if chosen.items() <= labels.items()]


def refused(kube: Kube, app: App, namespace: str) -> str:
    """Which rule of admission keeps the app's controller from making its pods; empty if none does."""
    for event in kube.list("v1", "Event", namespace, fields="reason=FailedCreate"):
        about, said = event.get("involvedObject") or {}, event.get("message", "")
        # A Deployment's pods are made by its ReplicaSet, whose name begins with its own.
        ours = about.get("name") == app.name or str(about.get("name")).startswith(f"{app.name}-")
        if ours and (todo := by_rule(said)):
            return f"the pods of {app.kind} {app.name} in {namespace} are refused: {said}; {todo}"
    return ""


def uncounted(budget: Object, wanted: int) -> str:
    """What a budget's controller has not counted yet (it refuses evictions until then); empty if nothing."""
    status = budget.get("status", {})
    healthy = int(status.get("currentHealthy") or 0)
    if int(status.get("observedGeneration") or 0) >= int(budget["metadata"]["generation"]) and healthy >= wanted:
        return ""
    return f"the budget {budget['metadata']['name']} counts {healthy} healthy pods of {wanted}"


def _unrouted(kube: Kube, service: str, namespace: str, wanted: int) -> str:
    slices = kube.list(
        "discovery.k8s.io/v1", "EndpointSlice", namespace, labels=f"kubernetes.io/service-name={service}"
    )
    endpoints = [endpoint for slice_ in slices for endpoint in slice_.get("endpoints") or []]
    ready = sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in endpoints)
    return "" if ready >= wanted else f"Service {service} has {ready} ready endpoints of {wanted}"


def _pods(kube: Kube, app: App, namespace: str) -> list[Object]:
    return kube.list("v1", "Pod", namespace, labels=",".join(f"{key}={value}" for key, value in app.selector.items()))


def _pods_say(kube: Kube, app: App, namespace: str) -> list[str]:
    events = kube.list("v1", "Event", namespace)
    return [told for pod in _pods(kube, app, namespace) if (told := waits_for(pod, events))]


def waits_for(pod: Object, events: list[Object]) -> str:
    """What a pod that is not ready waits for: its containers' reasons, its failed conditions, its last event."""
    status = pod.get("status", {})
    conditions = status.get("conditions") or []
    if is_ready(status):
        return ""
    said = [status.get("phase", "")]
    for item in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        name, state = next(iter((item.get("state") or {"unknown": {}}).items()))
        detail = ": ".join(text for text in (state.get("reason"), state.get("message")) if text)
        said.append(f"{item['name']} {name}" + (f" ({detail})" if detail else ""))
    said += [item["message"] for item in conditions if item["status"] == "False" and item["type"] == "PodScheduled"]
    uid = pod["metadata"]["uid"]
    about = [event for event in events if (event.get("involvedObject") or {}).get("uid") == uid]
    about.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    if about:
        said.append(f"last event {about[-1].get('reason', '')}: {about[-1].get('message', '')}")
    return f"pod {pod['metadata']['name']}: " + ", ".join(said)
