"""The controller with one leader: workloads/controller/manifests.yaml with small changes."""

from collections.abc import Sequence

from harness import manifests
from harness.deploy.app import App

IMAGE = "survive.dev/controller:dev"
PORT = 8080


def controller(
    name: str = "controller",
    *,
    replicas: int = 2,
    release: bool = False,
    lease_s: float = 15,
    renew_s: float = 10,
    retry_s: float = 2,
    args: Sequence[str] = (),
    grace_s: int = 30,
    image: str = IMAGE,
) -> App:
    """The controller as a Deployment with the right to its Lease, which bears its name.

    `release`: it gives the lease up when it is stopped. The times are client-go's, with client-go's defaults.
    """
    made = manifests.renamed(manifests.load("controller"), "controller", name)
    deployment = manifests.of_kind(made, "Deployment")
    times = ["--lease-s", f"{lease_s:g}", "--renew-s", f"{renew_s:g}", "--retry-s", f"{retry_s:g}"]
    said = ["--lease", name, *times, "--release" if release else "--no-release", *args]
    container = manifests.merged(manifests.main_container(deployment), {"args": said, "image": image})
    pod = {"terminationGracePeriodSeconds": grace_s, "containers": [container]}
    changed = manifests.merged(deployment, {"spec": {"replicas": replicas, "template": {"spec": pod}}})
    others = [manifest for manifest in made if manifest is not deployment]
    return App(name, [*others, changed], service=None, port=PORT, selector={"app": name})
