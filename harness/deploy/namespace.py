"""A namespace of its own for each scenario, made and taken down by us alone."""

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness import wait
from harness.errors import KubeError, UsageError, WaitTimeout
from harness.images import PULL_SECRET
from harness.kube import Kube, Object
from harness.nodes import RUN

MANAGED = "app.kubernetes.io/managed-by"
MANAGER = "pytest-survive"
PREFIX = "survive-"
_LONGEST = 63 - len(f"{PREFIX}-12345")
_PATIENCE_S = 12.0


@dataclass(frozen=True, slots=True)
class Furnishing:
    """What a run's namespaces get besides our own labels: further ones, and a file of Docker's to pull images with."""

    labels: Mapping[str, str] = field(default_factory=dict)
    pull_auth: str = ""


def namespace_name(scenario: str) -> str:
    """A fresh name: survive-<scenario>-<5 random characters>, a valid DNS label."""
    plain = re.sub(r"[^a-z0-9]+", "-", scenario.lower())[:_LONGEST].strip("-")
    tail = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(5))
    return f"{PREFIX}{plain}-{tail}"


def create_namespace(
    kube: Kube, scenario: str, run: str, timeout_s: float = 30.0, furnishing: Furnishing | None = None
) -> str:
    """Create a namespace for a scenario of a run; returns its name once pods can be made in it."""
    name = namespace_name(scenario)
    furnishing = furnishing or Furnishing()
    labels = {**furnishing.labels, MANAGED: MANAGER, RUN: run}
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    # Admission refuses a pod until the namespace's default ServiceAccount is there.
    wait.until(
        lambda: _found(kube, "ServiceAccount", "default", name), f"the ServiceAccount default in {name}", timeout_s
    )
    if furnishing.pull_auth:
        kube.create(_pull_secret(furnishing.pull_auth), name)
    return name


def _pull_secret(auth: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": PULL_SECRET, "labels": {MANAGED: MANAGER}},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auth},
    }


def delete_namespace(kube: Kube, name: str) -> None:
    """Ask for the end of one of our namespaces and kill its containers after a second. See `wait_deleted`.

    Raises UsageError for anybody else's namespace.
    """
    namespace = _found(kube, "Namespace", name)
    if namespace is None:
        return
    if (namespace["metadata"].get("labels") or {}).get(MANAGED) != MANAGER:
        raise UsageError(f"the namespace {name} lacks the label {MANAGED}={MANAGER}: it is not ours to delete")
    kube.delete("v1", "Namespace", name)
    _kill_pods(kube, name, grace_s=1)


def wait_deleted(kube: Kube, run: str, timeout_s: float = 90.0) -> None:
    """Wait until the namespaces of a run that are being deleted are gone.

    A pod whose node does not answer is taken off the API by force after a while.
    """
    for namespace in kube.list("v1", "Namespace", labels=f"{MANAGED}={MANAGER},{RUN}={run}"):
        if "deletionTimestamp" not in namespace["metadata"]:
            continue
        name = namespace["metadata"]["name"]
        try:
            _wait_gone(kube, name, _PATIENCE_S)
        except WaitTimeout:
            _kill_pods(kube, name, grace_s=0)
            _wait_gone(kube, name, timeout_s)


def sweep(kube: Kube, but: str) -> None:
    """Delete what runs other than `but` left, as a killed one does, and wait until it is gone."""
    left = kube.list("v1", "Namespace", labels=f"{MANAGED}={MANAGER},{RUN},{RUN}!={but}")
    for namespace in left:
        delete_namespace(kube, namespace["metadata"]["name"])
    for run in sorted({namespace["metadata"]["labels"][RUN] for namespace in left}):
        wait_deleted(kube, run)


def _kill_pods(kube: Kube, namespace: str, grace_s: int) -> None:
    try:
        kube.delete_all("v1", "Pod", namespace, grace_s=grace_s)
    except KubeError as exc:
        # The namespace may have gone in the meantime.
        if exc.status != 404:
            raise


def _wait_gone(kube: Kube, name: str, timeout_s: float) -> None:
    wait.until(
        lambda: _found(kube, "Namespace", name) is None,
        f"the namespace {name} to be gone",
        timeout_s,
        0.25,
        last=lambda: _obstacles(kube, name),
    )


def _found(kube: Kube, kind: str, name: str, namespace: str = "") -> Object | None:
    try:
        return kube.get("v1", kind, name, namespace)
    except KubeError as exc:
        if exc.status == 404:
            return None
        raise


def _obstacles(kube: Kube, name: str) -> str:
    namespace = _found(kube, "Namespace", name) or {}
    conditions = namespace.get("status", {}).get("conditions") or []
    return "; ".join(item.get("message", "") for item in conditions if item["status"] == "True") or "no reason given"
