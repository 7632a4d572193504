"""A user's manifests made fit for a scenario: its own namespace, an order of applying, other images. Pure."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from harness.errors import UsageError
from harness.manifests import Manifest, merged

CLUSTER_KINDS = {
    "APIService", "CSIDriver", "CertificateSigningRequest", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding",
    "CustomResourceDefinition", "GatewayClass", "IngressClass", "MutatingWebhookConfiguration", "Node",
    "PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeSnapshotClass",
}  # fmt: skip
"""Kinds of objects that belong to the whole cluster."""

ORDER = (
    "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim",
    "Role", "RoleBinding", "PodDisruptionBudget", "Service",
)  # fmt: skip
"""What pods need comes first; what is not here comes after these, and what makes pods last."""

POD_MAKERS = ("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


def deployable(objects: Sequence[Manifest], cluster_objects: Literal["refuse", "leave-out"]) -> list[Manifest]:
    """The objects for a namespace of a scenario's own, in order. Raises UsageError for what cannot go there."""
    ours = [one for one in objects if one["kind"] != "Namespace"]
    whole = [f"{one['kind']} {one['metadata']['name']}" for one in ours if one["kind"] in CLUSTER_KINDS]
    if whole and cluster_objects == "refuse":
        raise UsageError(
            f"{', '.join(whole)}: objects of the whole cluster are not touched, for a test owns its namespace alone;"
            " where they are there already, say `cluster_objects: leave-out`"
        )
    ours = [one for one in ours if one["kind"] not in CLUSTER_KINDS]
    _need_unique(ours)
    return sorted(map(_fit, ours), key=_rank)


def with_images(manifests: Sequence[Manifest], images: Mapping[str, str]) -> list[Manifest]:
    """A copy with other images, told by what they replace. Raises UsageError for one that replaces nothing."""
    made = copy.deepcopy(list(manifests))
    containers = [container for one in made for container in _containers(one)]
    known = sorted({str(one.get("image")) for one in containers})
    if unused := set(images) - {key for one in containers for key in _keys(one)}:
        raise UsageError(f"no container has the image {', '.join(sorted(unused))}; there are {', '.join(known)}")
    for one in containers:
        one["image"] = next((images[key] for key in _keys(one) if key in images), one.get("image"))
    return made


def _need_unique(objects: Iterable[Manifest]) -> None:
    """No two of one kind and name: those of several namespaces would all be in one."""
    known: dict[tuple[str, str, str], str] = {}
    for one in objects:
        meta = one["metadata"]
        key = (one["apiVersion"].partition("/")[0], one["kind"], meta["name"])
        space = meta.get("namespace", "")
        if key in known:
            where = (
                f", in the namespaces {known[key] or '(none)'} and {space or '(none)'}" if known[key] != space else ""
            )
            raise UsageError(f"{one['kind']} {meta['name']} is there twice{where}; all go into one namespace")
        known[key] = space


def _fit(one: Manifest) -> Manifest:
    made = merged(one, {"metadata": {"namespace": None}, "status": None})
    if one["kind"] == "RoleBinding":
        # An account of the manifests is in the scenario's namespace as well; the API's default is the binding's own.
        accounts = [merged(s, {"namespace": None}) if _is_ours(s, one) else s for s in one.get("subjects") or []]
        made = merged(made, {"subjects": accounts})
    return made


def _is_ours(subject: Manifest, binding: Manifest) -> bool:
    own = binding["metadata"].get("namespace", "default")
    return subject.get("kind") == "ServiceAccount" and subject.get("namespace", own) == own


def _rank(one: Manifest) -> int:
    if one["kind"] in POD_MAKERS:
        return len(ORDER) + 1
    return ORDER.index(one["kind"]) if one["kind"] in ORDER else len(ORDER)


def template_of(one: Manifest) -> Manifest:
    """The template of a workload's pods; an empty one if it has none."""
    spec: Any = one.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    return template if isinstance(template, dict) else {}


def _containers(one: Manifest) -> Iterator[Manifest]:
    spec = template_of(one).get("spec") if one["kind"] != "Pod" else one.get("spec")
    if isinstance(spec, dict):
        for kind in ("initContainers", "containers"):
            yield from (c for c in spec.get(kind) or [] if isinstance(c, dict))


def _keys(container: Manifest) -> Iterator[str]:
    """How an image is named: whole, and without its tag and digest."""
    image = str(container.get("image", ""))
    yield image
    plain = image.partition("@")[0]
    head, _, last = plain.rpartition("/")
    yield f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
