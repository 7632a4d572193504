"""The server behind a Service, bad or good as asked: workloads/server/manifests.yaml with small changes."""

from collections.abc import Sequence

from harness import manifests
from harness.deploy.app import App
from harness.manifests import Manifest

IMAGE = "survive.dev/server:dev"
PORT = 8080
_SERVICE_PORT = 80


def server(
    name: str = "server",
    *,
    replicas: int = 2,
    args: Sequence[str] = (),
    probes: bool = True,
    liveness: Manifest | None = None,
    pre_stop_s: int | None = None,
    grace_s: int = 30,
    max_surge: int | str | None = None,
    max_unavailable: int | str | None = None,
    recreate: bool = False,
    startup_failures: int = 60,
    budget: Manifest | None = None,
    priority_class: str | None = None,
    node_selector: dict[str, str] | None = None,
    resources: Manifest | None = None,
    spread: bool = True,
    image: str = IMAGE,
) -> App:
    """The server as a Deployment with its Service (port 80), and with a budget if one is given.

    `probes` adds a readiness probe and a startup probe, which fails after `startup_failures` seconds; `liveness` is a
    probe of its own, laid over `/livez` every second. `pre_stop_s` sleeps before the stop signal. `recreate` stops all
    old pods of a rollout before the first new one. `budget` is a PodDisruptionBudget's spec without its selector.
    `resources` is laid over the container's. `spread` prefers a node of its own for each replica.
    """
    deployment, service = manifests.renamed(manifests.load("server"), "server", name)
    selector = {"app": name}
    container: Manifest = {"args": list(args), "image": image}
    if probes:
        container |= {"startupProbe": probe("/startz", startup_failures), "readinessProbe": probe("/readyz", 1)}
    if liveness is not None:
        container["livenessProbe"] = manifests.merged(probe("/livez", 3), liveness)
    container |= pre_stop(pre_stop_s)
    if resources is not None:
        container["resources"] = resources
    pod: Manifest = {"terminationGracePeriodSeconds": grace_s}
    if priority_class is not None:
        pod["priorityClassName"] = priority_class
    if node_selector is not None:
        pod["nodeSelector"] = node_selector
    if spread:
        pod |= spread_over_nodes(selector)
    pod["containers"] = [manifests.merged(manifests.main_container(deployment), container)]
    rolling = {"maxSurge": max_surge, "maxUnavailable": max_unavailable}
    strategy = {key: value for key, value in rolling.items() if value is not None}
    spec: Manifest = {"replicas": replicas, "template": {"spec": pod}}
    if recreate:
        spec["strategy"] = {"type": "Recreate"}
    elif strategy:
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": strategy}
    made = [manifests.merged(deployment, {"spec": spec}), service]
    if budget is not None:
        made.append(_budget(name, selector, budget))
    return App(name, made, service=name, port=_SERVICE_PORT, selector=selector)


def probe(path: str, failures: int) -> Manifest:
    """An HTTP probe of the server, every second; it fails after so many failures in a row."""
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": 1,
        "timeoutSeconds": 1,
        "failureThreshold": failures,
    }


def pre_stop(sleep_s: int | None) -> Manifest:
    """What makes a container sleep before its stop signal; empty for None."""
    return {} if sleep_s is None else {"lifecycle": {"preStop": {"sleep": {"seconds": sleep_s}}}}


def spread_over_nodes(selector: dict[str, str]) -> Manifest:
    """What makes a pod prefer a node where fewer of these pods are."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector},
    }
    return {"topologySpreadConstraints": [constraint]}


def _budget(name: str, selector: dict[str, str], spec: Manifest) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "labels": selector},
        "spec": {**spec, "selector": {"matchLabels": selector}},
    }
