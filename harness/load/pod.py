"""The pod that makes the load, and the untouched server that the control prober asks; as manifests."""

from dataclasses import dataclass

from harness import manifests
from harness.manifests import Manifest

POD = "load"
CONTROL = "control"
MEASURE = "service"
BACKGROUND = "background"
IMAGE = "survive.dev/load:dev"
SERVER_IMAGE = "survive.dev/server:dev"
# Without site and without the environment Python starts in a third of the time.
_PROBER = ("python3", "-E", "-S", "-m", "load.probe")
_LOCUST = ("python3", "-m", "load.background")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the measuring prober sends its requests, and what a good answer is."""

    host: str
    port: int = 80
    path: str = "/"
    expect_status: int = 200


def load_pod(
    target: Target | None, *, interval_ms: float, deadline_s: float, background_rate: float, image: str = IMAGE
) -> Manifest:
    """The pod: a container for each prober, and Locust's if `background_rate` (requests/s) is above zero.

    Without a target there is the control prober alone.
    """
    (pod,) = manifests.load("load")
    probe = [*_PROBER, "--interval-ms", f"{interval_ms:g}", "--deadline-s", f"{deadline_s:g}"]
    commands = {CONTROL: [*probe, "--probe", CONTROL, "--role", "control", "--noise", *_at(Target(CONTROL))]}
    if target is not None:
        commands[MEASURE] = [*probe, "--probe", MEASURE, "--role", "measure", *_at(target)]
        if background_rate > 0:
            commands[BACKGROUND] = [*_LOCUST, "--probe", BACKGROUND, "--rate", f"{background_rate:g}", *_at(target)]
    plain = manifests.main_container(pod)
    made = [
        manifests.merged(plain, {"name": name, "command": command, "image": image})
        for name, command in commands.items()
    ]
    return manifests.merged(pod, {"spec": {"containers": made}})


def _at(target: Target) -> list[str]:
    where = ["--target", f"{target.host}:{target.port}", "--path", target.path]
    return [*where, "--expect-status", str(target.expect_status)]


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
