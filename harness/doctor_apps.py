"""What a cluster has for single apps: `survive doctor FILE`."""

from collections.abc import Mapping, Sequence
from typing import Final

from harness.deploy.namespace import MANAGED, MANAGER
from harness.doctor import Finding
from harness.errors import KubeError
from harness.images import OWN
from harness.kube import Kube
from harness.manifests import Manifest, pod_spec
from harness.policies import CONTROL_LABELS, REMEDY, End, prober, shut_out
from harness.pulls import Wanted
from harness.replicas import API_VERSIONS
from harness.shape import at, labels_of
from harness.spec import OwnApp
from harness.spec.objects import template_of

OF_ANY_APP: Final = ("load", "server")
"""The images of ours that a run of anybody's app uses."""

A_NAMESPACE: Final = "survive-*"
"""Stands for the namespaces of a run."""

_TODO: Final = f"where the network enforces policies, {REMEDY}"


def images_of(app: OwnApp) -> Wanted:
    """The images of an app's containers, ours left out, with the Secrets of its manifests that they are pulled with."""
    spec = pod_spec(app.object)
    containers = [one for kind in ("initContainers", "containers") for one in spec.get(kind) or []]
    images = sorted({str(one["image"]) for one in containers if not str(one["image"]).startswith(OWN)})
    names = [str(one["name"]) for one in spec.get("imagePullSecrets") or []]
    secrets = [one for one in app.manifests if one["kind"] == "Secret" and one["metadata"]["name"] in names]
    return Wanted(
        app.name, images, secrets, names, "`images: {NAME: REF}` in its file", "an imagePullSecret in its manifests"
    )


def of_network(kube: Kube, app: OwnApp, labels: Mapping[str, str]) -> Finding:
    """Whether NetworkPolicies, of its manifests or of the namespace where it runs, keep probers from an app; those of
    its manifests also from the control server, which is beside it in a run's namespace."""
    what = f"network {app.name}"
    if app.service is None:
        return Finding(what, "ok", "it is asked nothing")
    try:
        policies, pods, about = _around(kube, app)
    except KubeError as exc:
        return Finding(what, "warn", f"not known: {exc}")
    ours = {**labels, MANAGED: MANAGER}
    asked = {"it": End(pods, app.namespace, about)}
    if not app.namespace:
        asked = {"it": End(pods, A_NAMESPACE, ours), "our control server": End(CONTROL_LABELS, A_NAMESPACE, ours)}
    if said := shut_out(policies, prober(A_NAMESPACE, ours), asked):
        return Finding(what, "warn", said, _TODO)
    return Finding(what, "ok", f"{len(policies)} NetworkPolicies, none of which keeps probers from it")


def _around(kube: Kube, app: OwnApp) -> tuple[Sequence[Manifest], dict[str, str], dict[str, str]]:
    """The policies about an app, its pods' labels, and those of its namespace if it runs already."""
    if not app.namespace:
        policies = [one for one in app.manifests if one["kind"] == "NetworkPolicy"]
        return policies, labels_of(at(template_of(app.object), "metadata", "labels")), {}
    workload = kube.get(API_VERSIONS[app.kind], app.kind, app.workload, app.namespace)
    space = kube.get("v1", "Namespace", app.namespace)
    policies = kube.list("networking.k8s.io/v1", "NetworkPolicy", app.namespace)
    pods = labels_of(at(template_of(workload), "metadata", "labels"))
    return policies, pods, labels_of(at(space, "metadata", "labels"))
