"""Where the images of our own pods come from: names in the manifests, and what they are on a cluster of one's own."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import UsageError

OWN = "survive.dev/"
"""What the names of our images begin with in the manifests: no registry has that name, the embedded cluster has them
on its nodes."""

PULL_SECRET = "survive-pull"  # noqa: S105 - a Secret's name

Manifest = dict[str, Any]

NAMED: Final = "--image NAME=REF or --image-registry HOST/PATH"
AUTH: Final = "--image-pull-secret FILE"
_OF_AN_APP: Final = " (an app of your own: in its manifests)"

_UNPULLED: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
"""What a container waits for whose image did not come."""

_OTHER: Final = "push it where the nodes find it, or name another by {name}"
_CAUSES: Final = (
    ("no such host|dial tcp|i/o timeout|unreachable", False, "the nodes do not reach its registry: name one by {name}"),
    ("x509|certificate", True, "the nodes do not trust the registry's certificate: see to their container runtime"),
    (
        r"denied|unauthorized|authoriz|authentic|\b40[13]\b",
        True,
        "it is not there, or not without the right credentials: give them by {auth}",
    ),
    ("not found|unknown", True, f"the registry has no such image: {_OTHER}"),
    ("InvalidImageName", True, "that is no name of an image: correct {name}"),
)
"""What is said of a pull that failed, whether it will fail again, and what to do."""


@dataclass(frozen=True, slots=True)
class Images:
    """`registry`: put before all names of ours, in place of survive.dev. `names`: full names for single ones.

    `secret`: the pods pull with the Secret PULL_SECRET of their namespace.
    """

    registry: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    secret: bool = False

    @classmethod
    def read(cls, registry: str | None, named: Sequence[str], *, secret: bool = False) -> "Images":
        """From the options: a registry with its path, and NAME=REF for single images."""
        names = {}
        for text in named:
            name, sign, ref = text.partition("=")
            if not (name and sign and ref):
                raise UsageError(f"--image {text}: write NAME=REF, such as server=registry.example/team/server:1.0")
            names[name.removeprefix(OWN).partition(":")[0]] = ref
        return cls((registry or "").rstrip("/"), names, secret)

    def of(self, image: str) -> str:
        """An image's name on this cluster."""
        if not image.startswith(OWN):
            return image
        rest = image.removeprefix(OWN)
        if (name := rest.partition(":")[0]) in self.names:
            return self.names[name]
        return f"{self.registry}/{rest}" if self.registry else image

    def dress(self, manifest: Manifest) -> Manifest:
        """A copy of a manifest with the images' names of this cluster, and the Secret to pull them with."""
        dressed = copy.deepcopy(manifest)
        for spec in _pod_specs(dressed):
            ours = False
            for kind in ("initContainers", "containers"):
                for container in spec.get(kind) or []:
                    named = str(container.get("image", ""))
                    ours = ours or named.startswith(OWN)
                    container["image"] = self.of(named)
            if ours and self.secret:
                spec.setdefault("imagePullSecrets", []).append({"name": PULL_SECRET})
        return dressed


def way_out(said: str, name: str = NAMED, auth: str = AUTH) -> str:
    """What to do about a pull, by what was said as it failed. `name`, `auth`: how others and credentials are given."""
    todo = next((todo for words, _, todo in _CAUSES if re.search(words, said)), f"see what was said; {_OTHER}")
    return todo.format(name=name, auth=auth)


def unpulled(pods: Iterable[Manifest], *, passing: bool = False) -> str:
    """An image that one of these pods will not get as things are, what was said, and what to do; empty if none.

    `passing`: or that it does not get now. A registry that is out of reach, for one, may come back.
    """
    for pod in pods:
        status = pod.get("status", {})
        for one in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            waiting = (one.get("state") or {}).get("waiting") or {}
            said = ": ".join(text for text in (waiting.get("reason"), waiting.get("message")) if text)
            lasts = next((lasts for words, lasts, _ in _CAUSES if re.search(words, said)), False)
            if waiting.get("reason") in _UNPULLED and (lasts or passing):
                name, auth = f"{NAMED}{_OF_AN_APP}", f"{AUTH}{_OF_AN_APP}"
                return f"{one['name']} does not get the image {one['image']}: {said}; {way_out(said, name, auth)}"
    return ""


def _pod_specs(value: Any) -> Iterator[Manifest]:
    """Every pod's spec in a manifest, however deep (a Pod, a template, a CronJob's)."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        else:
            for one in value.values():
                yield from _pod_specs(one)
