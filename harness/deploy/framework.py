"""The same small app on servers that people really run, with their default settings or with hardened ones."""

from dataclasses import dataclass
from typing import Literal

from harness import manifests
from harness.deploy.app import App
from harness.deploy.server import server

Name = Literal["uvicorn", "gunicorn", "nginx", "node", "go"]
HARDENED_PRE_STOP_S = 4


@dataclass(frozen=True, slots=True)
class Framework:
    """How a server is started: its image, and its command line by default and hardened."""

    image: str
    default: tuple[str, ...] = ()
    hardened: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


FRAMEWORKS: dict[Name, Framework] = {
    "uvicorn": Framework(
        "survive.dev/pyweb:dev",
        command=("uvicorn", "web:asgi", "--host", "0.0.0.0", "--port", "8080", "--no-access-log"),  # noqa: S104 - a pod's
        hardened=("--timeout-graceful-shutdown", "5"),
    ),
    "gunicorn": Framework(
        "survive.dev/pyweb:dev",
        command=("gunicorn", "web:wsgi", "--bind", "0.0.0.0:8080"),
        hardened=("--worker-class", "gthread", "--threads", "4", "--graceful-timeout", "5"),
    ),
    "nginx": Framework("survive.dev/nginx:dev"),
    "node": Framework("survive.dev/node:dev", hardened=("--graceful",)),
    "go": Framework("survive.dev/goweb:dev", hardened=("-graceful",)),
}


def framework(name: Name, *, hardened: bool, replicas: int = 3, grace_s: int = 10) -> App:
    """The app on that server, as a Deployment with its Service (port 80), a readiness and a startup probe.

    Hardened: settings of the server's own that make its stop graceful and bounded, and a preStop sleep that drains.
    """
    chosen = FRAMEWORKS[name]
    pre_stop_s = HARDENED_PRE_STOP_S if hardened else None
    app = server(
        name, replicas=replicas, image=chosen.image, args=chosen.hardened if hardened else chosen.default,
        pre_stop_s=pre_stop_s, grace_s=grace_s,
    )  # fmt: skip
    deployment = manifests.of_kind(app.manifests, "Deployment")
    container = manifests.main_container(deployment)
    if chosen.command:
        container = manifests.merged(container, {"command": list(chosen.command)})
    # Some keep their pid, sockets or bodies in /tmp, and the root is read-only.
    # A path in the container.
    container = manifests.merged(container, {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]})  # noqa: S108
    pod = {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]}
    changed = manifests.merged(deployment, {"spec": {"template": {"spec": pod}}})
    others = [manifest for manifest in app.manifests if manifest is not deployment]
    return App(app.name, [changed, *others], app.service, app.port, app.selector)
