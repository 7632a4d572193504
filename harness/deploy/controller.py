"""The controller with one leader: workloads/controller/manifests.yaml with small changes."""

from collections.abc import Sequence
from typing import Literal

from harness import manifests
from harness.deploy.app import App
from harness.manifests import Manifest

IMAGE = "survive.dev/controller:dev"
PORT = 8080
HAND_PORT = 8081

Hand = Literal["", "signals", "routes"]
"""What the hand in the pod may do: nothing, since there is none; signal the controller; change routes as well."""


def controller(
    name: str = "controller",
    *,
    replicas: int = 2,
    release: bool = False,
    lease_s: float = 15,
    renew_s: float = 10,
    retry_s: float = 2,
    args: Sequence[str] = (),
    hand: Hand = "",
    receiver: bool = False,
    env: dict[str, str] | None = None,
    node_selector: dict[str, str] | None = None,
    grace_s: int = 30,
    image: str = IMAGE,
) -> App:
    """The controller as a Deployment with the right to its Lease, which bears its name.

    `release`: it gives the lease up when it is stopped. The times are client-go's, with client-go's defaults.
    `hand`: a second container that freezes, kills or cuts off the first; to change routes it needs root and NET_ADMIN.
    `receiver`: the work is handed to one who refuses that of a leader whose term is over.
    """
    made = manifests.renamed(manifests.load("controller"), "controller", name)
    deployment = manifests.of_kind(made, "Deployment")
    times = ["--lease-s", f"{lease_s:g}", "--renew-s", f"{renew_s:g}", "--retry-s", f"{retry_s:g}"]
    said = ["--lease", name, *times, "--release" if release else "--no-release", *args]
    if receiver:
        said += ["--receiver", f"{_receiver_name(name)}:{PORT}"]
    main = manifests.main_container(deployment)
    shown = [{"name": key, "value": value} for key, value in (env or {}).items()]
    container = manifests.merged(main, {"args": said, "image": image, "env": [*main["env"], *shown]})
    pod: Manifest = {"terminationGracePeriodSeconds": grace_s, "containers": [container]}
    if hand:
        pod |= {"shareProcessNamespace": True, "containers": [container, _hand(container, hand)]}
    if node_selector:
        pod["nodeSelector"] = node_selector
    changed = manifests.merged(deployment, {"spec": {"replicas": replicas, "template": {"spec": pod}}})
    others = [manifest for manifest in made if manifest is not deployment]
    beside = _receiver(name, deployment, image) if receiver else []
    return App(name, [*others, *beside, changed], service=None, port=PORT, selector={"app": name})


def _hand(container: Manifest, hand: Hand) -> Manifest:
    """The container that acts on the first one."""
    change: Manifest = {"name": "hand", "args": None, "readinessProbe": None, "command": _module("hand")}
    change["ports"] = [{"name": "hand", "containerPort": HAND_PORT}]
    if hand == "routes":
        capabilities = {"drop": ["ALL"], "add": ["NET_ADMIN", "KILL"]}
        change["securityContext"] = {"runAsUser": 0, "runAsNonRoot": False, "capabilities": capabilities}
    return manifests.merged(container, change)


def _receiver(name: str, deployment: Manifest, image: str) -> list[Manifest]:
    """Who receives the work: a Deployment of one and its Service."""
    called = _receiver_name(name)
    labels = {"app": called}
    container = manifests.merged(
        manifests.main_container(deployment), {"name": "receiver", "args": None, "image": image}
    )
    container["command"] = _module("receiver")
    template = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": None, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": called, "labels": labels},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": PORT, "targetPort": PORT}]},
    }
    return [manifests.merged(deployment, {"metadata": {"name": called, "labels": labels}, "spec": spec}), service]


def _receiver_name(name: str) -> str:
    return f"{name}-receiver"


def _module(name: str) -> list[str]:
    return ["python3", "-E", "-S", "-m", f"controller.{name}"]
