"""Bare pods of small processes that tell how they end: workloads/signals/manifests.yaml with small changes."""

from collections.abc import Sequence

from harness import manifests
from harness.deploy.app import App
from harness.manifests import Manifest

IMAGE = "survive.dev/signals:dev"
QUIT_IMAGE = "survive.dev/signals-quit:dev"
"""The same process in an image with STOPSIGNAL SIGQUIT."""

PORT = 8080
BEHIND_PORT = 8081
"""Where nginx, which has PORT, expects the app of its pod."""

_PROGRAM = ["python3", "-I", "-S", "/opt/app/signals.py"]


def process(
    name: str = "app",
    args: Sequence[str] = (),
    *,
    pre_stop: Manifest | None = None,
    post_start: Manifest | None = None,
    stop_signal: str = "",
    memory: str = "",
    port: int = PORT,
    image: str = IMAGE,
    **more: object,
) -> Manifest:
    """A container with such a process; `memory` is its limit. Containers of one pod need a port each.

    `more` is laid over the container as it is: restartPolicy, restartPolicyRules.
    """
    container = manifests.main_container(manifests.of_kind(manifests.load("signals"), "Pod"))
    lifecycle = {"preStop": pre_stop, "postStart": post_start, "stopSignal": stop_signal}
    change: Manifest = {
        "name": name,
        "image": image,
        "args": ["run", "--port", str(port), *args],
        "readinessProbe": {"httpGet": {"port": port}},
        **more,
    }
    if any(lifecycle.values()):
        change["lifecycle"] = {key: value for key, value in lifecycle.items() if value}
    if memory:
        change["resources"] = {"limits": {"memory": memory}}
    return manifests.merged(container, change)


def hook(name: str, *args: str) -> Manifest:
    """An exec hook that tells by the process's own output when it began and when it ended."""
    return {"exec": {"command": [*_PROGRAM, "hook", name, *args]}}


def once(name: str) -> Manifest:
    """An init container that tells that it ran, and ends."""
    return manifests.merged(process(name), {"args": ["hook", name], "readinessProbe": None})


def sleep(seconds: int) -> Manifest:
    """The kubelet's own sleep, as a hook."""
    return {"sleep": {"seconds": seconds}}


def pod(
    *containers: Manifest,
    name: str = "signals",
    init: Sequence[Manifest] = (),
    sidecars: Sequence[Manifest] = (),
    grace_s: int | None = 30,
    policy: str = "Always",
    asks_api: bool = False,
    speaks: bool = True,
    others: Sequence[Manifest] = (),
    **more: object,
) -> App:
    """A pod that nothing replaces. Without containers it has one `process()`; `grace_s` None leaves it to the API.

    `init` containers run first, `sidecars` are those that stay (restartPolicy Always). `asks_api`: the pod may read
    itself, by a ServiceAccount of its own. Without `speaks` nobody listens to it. `others` are manifests that it needs,
    `more` is laid over its spec as it is.
    """
    made = manifests.renamed(manifests.load("signals"), "signals", name)
    template = manifests.of_kind(made, "Pod")
    spec: Manifest = {
        "containers": list(containers) or [process()],
        "initContainers": [*init, *({**sidecar, "restartPolicy": "Always"} for sidecar in sidecars)],
        "terminationGracePeriodSeconds": grace_s,
        "restartPolicy": policy,
        **more,
    }
    account: list[Manifest] = []
    if asks_api:
        account = [manifest for manifest in made if manifest is not template]
        spec |= {"serviceAccountName": name, "automountServiceAccountToken": True}
    labels = {} if speaks else {"survive.dev/speaks": None}
    changed = manifests.merged(template, {"metadata": {"labels": labels}, "spec": spec})
    return App(name, [*account, *others, changed], None, PORT, {"app": name}, kind="Pod")


def behind_nginx(app: Manifest, pre_stop: Manifest, *, grace_s: int) -> App:
    """A pod of nginx, with a preStop, in front of an app that listens on BEHIND_PORT: as workloads/nginx has it."""
    made = manifests.load("nginx")
    spec = manifests.pod_spec(manifests.of_kind(made, "Deployment"))
    (nginx,) = [one for one in spec["containers"] if one["name"] == "nginx"]
    proxy = manifests.merged(nginx, {"lifecycle": {"preStop": pre_stop}})
    settings = manifests.of_kind(made, "ConfigMap")
    return pod(app, proxy, grace_s=grace_s, others=[settings], volumes=spec["volumes"])
