"""nginx in front of the server in one pod, behind a Service: workloads/nginx/manifests.yaml with small changes."""

from harness import manifests
from harness.deploy.app import App
from harness.deploy.server import pre_stop, spread_over_nodes

PORT = 80


def proxied(
    name: str = "proxied",
    *,
    replicas: int = 2,
    app_pre_stop_s: int | None = None,
    nginx_pre_stop_s: int | None = None,
    sidecar: bool = False,
    grace_s: int = 30,
) -> App:
    """The two as a Deployment with its Service (port 80).

    Each container sleeps for its own time before its stop signal, SIGTERM for the app and SIGQUIT for nginx.
    `sidecar` makes nginx a native sidecar, which is stopped once the app has ended.
    """
    made = manifests.renamed(manifests.load("nginx"), "proxied", name)
    deployment = manifests.of_kind(made, "Deployment")
    app, nginx = manifests.pod_spec(deployment)["containers"]
    app = manifests.merged(app, pre_stop(app_pre_stop_s))
    nginx = manifests.merged(nginx, pre_stop(nginx_pre_stop_s))
    containers: manifests.Manifest = {"containers": [app, nginx]}
    if sidecar:
        containers = {"containers": [app], "initContainers": [{**nginx, "restartPolicy": "Always"}]}
    selector = {"app": name}
    pod = {"terminationGracePeriodSeconds": grace_s, **spread_over_nodes(selector), **containers}
    changed = manifests.merged(deployment, {"spec": {"replicas": replicas, "template": {"spec": pod}}})
    others = [manifest for manifest in made if manifest is not deployment]
    return App(name, [*others, changed], service=name, port=PORT, selector=selector)
