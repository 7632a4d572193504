"""Whether images are to be had, proved by throw-away pods that ask for them, in a namespace of their own."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness import wait
from harness.deploy import Furnishing, create_namespace, delete_namespace, wait_deleted
from harness.deploy.app import waits_for
from harness.doctor import Finding
from harness.errors import WaitTimeout
from harness.images import AUTH, NAMED, Images, way_out
from harness.kube import Kube, Object
from harness.manifests import Manifest

POD: Final = "images"
PULL_S: Final = 120.0

NOWHERE: Final = "survive-doctor"
"""A command that no image has: a container that cannot start shows that its image is there."""

_STARTING: Final = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff")
"""What a container waits for whose image is there already."""

_UNTOLD: Final = ("", "ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Images that a run will use: ours, or those of a user's app with the Secrets that they are pulled with."""

    whose: str
    images: Sequence[str]
    secrets: Sequence[Manifest] = ()
    pull: Sequence[str] = field(default_factory=tuple)
    """The names of the Secrets."""
    name: str = NAMED
    auth: str = AUTH
    """How others are named, and credentials given."""


def pulled(kube: Kube, images: Images, furnishing: Furnishing, wanted: Wanted) -> list[Finding]:
    """A pod asks for the images, and is gone with its namespace at the end whatever happens; what was found."""
    run = f"doctor-{secrets.token_hex(3)}"
    namespace = create_namespace(kube, "doctor", run, furnishing=furnishing)
    try:
        for secret in wanted.secrets:
            kube.create(secret, namespace)
        kube.apply([pod(wanted)], namespace)
        return _told(kube, images, namespace, wanted)
    finally:
        delete_namespace(kube, namespace)
        wait_deleted(kube, run)


def pod(wanted: Wanted) -> Manifest:
    """A container an image; each starts nothing."""
    plain = {
        "command": [NOWHERE],
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    containers = [{"name": f"image-{n}", "image": image, **plain} for n, image in enumerate(wanted.images)]
    spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": containers,
    }
    if wanted.pull:
        spec["imagePullSecrets"] = [{"name": one} for one in wanted.pull]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": spec}


def _told(kube: Kube, images: Images, namespace: str, wanted: Wanted) -> list[Finding]:
    """What became of each image, once it is known."""

    def known() -> list[str | None] | None:
        found = outcomes(kube.get("v1", "Pod", POD, namespace), len(wanted.images))
        return None if None in found else found

    late = ""
    try:
        found = wait.until(known, f"the images of {wanted.whose}", PULL_S, 0.25)
    except WaitTimeout:
        last = kube.get("v1", "Pod", POD, namespace)
        found = outcomes(last, len(wanted.images))
        late = f"not within {PULL_S:g} s: {waits_for(last, kube.list('v1', 'Event', namespace))}"
    return [
        told(images.of(image), wanted, late if outcome is None else outcome)
        for image, outcome in zip(wanted.images, found, strict=True)
    ]


def outcomes(seen: Object, count: int) -> list[str | None]:
    """Of each container's image: empty if it is there, else what was said of it; None while nothing is known."""
    status = {one["name"]: one for one in seen.get("status", {}).get("containerStatuses") or []}
    return [_outcome(status.get(f"image-{number}", {})) for number in range(count)]


def _outcome(status: dict[str, Any]) -> str | None:
    waiting = (status.get("state") or {}).get("waiting")
    if waiting is None:
        return "" if status.get("state") else None
    reason = waiting.get("reason", "")
    if reason in _STARTING:
        return ""
    return None if reason in _UNTOLD else f"{reason}: {waiting.get('message', '')}".rstrip(": ")


def told(image: str, wanted: Wanted, outcome: str) -> Finding:
    """The finding about one image."""
    what = f"pull {image}"
    if not outcome:
        return Finding(what, "ok", f"a pod of ours got it, for {wanted.whose}")
    return Finding(what, "bad", f"for {wanted.whose}: {outcome}", way_out(outcome, wanted.name, wanted.auth))
