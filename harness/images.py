"""Where the images of our own pods come from: names in the manifests, and what they are on a cluster of one's own."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import UsageError

OWN = "survive.dev/"
"""What the names of our images begin with in the manifests: no registry has that name, the embedded cluster has them
on its nodes."""

PULL_SECRET = "survive-pull"  # noqa: S105 - a Secret's name

Manifest = dict[str, Any]


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


def _pod_specs(value: Any) -> Iterator[Manifest]:
    """Every pod's spec in a manifest, however deep (a Pod, a template, a CronJob's)."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        else:
            for one in value.values():
                yield from _pod_specs(one)
