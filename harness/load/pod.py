"""The pod that makes the load, and the untouched server that the control prober asks; as manifests."""

from collections.abc import Mapping, Sequence

from harness import manifests
from harness.load.probes import EACH_POD, PYTHON, NewConnections, Probe, Target
from harness.manifests import Manifest

POD = "load"
CONTROL = "control"
BACKGROUND = "background"
IMAGE = "survive.dev/load:dev"
SERVER_IMAGE = "survive.dev/server:dev"
_LOCUST = ("python3", "-m", "load.background")


def load_pods(
    target: Target | None, probes: Sequence[Probe], *, interval_ms: float, deadline_s: float, background_rate: float,
    image: str = IMAGE,
) -> list[Manifest]:  # fmt: skip
    """The pod: a container for each prober, and Locust's if `background_rate` (requests/s) is above zero.

    Without a target there is the control prober alone. Probes from a chosen node are in a pod there.
    """
    spacing = ["--interval-ms", f"{interval_ms:g}", "--deadline-s", f"{deadline_s:g}"]
    control = [*PYTHON, "load.probe", *spacing, "--probe", CONTROL, "--role", "control", "--noise"]
    commands = {CONTROL: ([*control, *Target(CONTROL).at()], NewConnections.cpu)}
    apart: dict[str, list[Manifest]] = {}
    if target is not None:
        for probe in probes:
            command = probe.command(target, interval_ms, deadline_s)
            if node := probe.node if isinstance(probe, NewConnections) else "":
                apart.setdefault(node, []).append(_container(probe.name, command, probe.cpu, image))
            else:
                commands[probe.name] = command, probe.cpu
        if background_rate > 0:
            asked = ["--probe", BACKGROUND, "--rate", f"{background_rate:g}", *target.at()]
            commands[BACKGROUND] = [*_LOCUST, *asked], NewConnections.cpu
    made = [_container(name, command, cpu, image) for name, (command, cpu) in commands.items()]
    (pod,) = manifests.load("load")
    whole = manifests.merged(pod, {"spec": {"containers": made}})
    return [whole, *(_on_node(pod, node, containers) for node, containers in apart.items())]


def _container(name: str, command: list[str], cpu: str, image: str) -> Manifest:
    plain = manifests.main_container(manifests.load("load")[0])
    asked = {"requests": {"cpu": cpu}}
    return manifests.merged(plain, {"name": name, "command": command, "image": image, "resources": asked})


def _on_node(pod: Manifest, node: str, containers: list[Manifest]) -> Manifest:
    """A pod like the load's on a node of its own, whatever else is there."""
    place = {"nodeSelector": {"kubernetes.io/hostname": node}, "affinity": None}
    named = {"metadata": {"name": f"{POD}-{node}"}, "spec": {**place, "containers": containers}}
    return manifests.merged(pod, named)


def pods_service(selector: Mapping[str, str], port: int) -> Manifest:
    """The headless Service by whose name the prober of each pod learns their addresses, ready or not."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": EACH_POD, "labels": {"app": EACH_POD}},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": dict(selector),
            "ports": [{"name": "http", "port": port}],
        },
    }


def control_server(image: str = SERVER_IMAGE) -> list[Manifest]:
    """The server that the control prober asks: one replica beside the load, which no scenario touches."""
    deployment, service = manifests.renamed(manifests.load("server"), "server", CONTROL)
    place = manifests.load("load")[0]["spec"]
    answers = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    container = manifests.merged(manifests.main_container(deployment), {"image": image, "readinessProbe": answers})
    role = {"metadata": {"labels": {"survive.dev/role": CONTROL}}}
    placed = {"tolerations": place["tolerations"], "affinity": {"nodeAffinity": place["affinity"]["nodeAffinity"]}}
    template = manifests.merged(role, {"spec": {**placed, "containers": [container]}})
    return [manifests.merged(deployment, {"spec": {"replicas": 1, "template": template}}), service]
