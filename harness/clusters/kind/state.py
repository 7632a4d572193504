"""The folder of a kind cluster of ours, and what is known of it on disk."""

import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.clusters.embedded import layout
from harness.errors import UsageError

PREFIX = "survive-"
"""How the names of our clusters begin: no other kind cluster is touched."""

Phase = Literal["starting", "ready"]


@dataclass(frozen=True, slots=True)
class KindDir:
    """The folder of one cluster."""

    root: pathlib.Path

    @classmethod
    def named(cls, name: str) -> "KindDir":
        """That of the cluster `name`, with our prefix, there or not. Raises UsageError for what is no plain name."""
        full = name if name.startswith(PREFIX) else PREFIX + name
        if not re.fullmatch(layout.NAME, full):
            raise UsageError(f"{name!r} is no name for a cluster: small letters, digits and hyphens, at most 32")
        return cls(layout.home() / "kind" / "clusters" / full)

    @classmethod
    def all(cls) -> Iterator["KindDir"]:
        """Those of this home."""
        return (cls(path.parent) for path in sorted((layout.home() / "kind" / "clusters").glob("*/state.json")))

    @property
    def name(self) -> str:
        """The cluster's name, which kind knows it by."""
        return self.root.name

    @property
    def state(self) -> pathlib.Path:
        """What is known of it."""
        return self.root / "state.json"

    @property
    def kubeconfig(self) -> pathlib.Path:
        """The administrator's kubeconfig; that of the user is left alone."""
        return self.root / "kubeconfig"

    @property
    def config(self) -> pathlib.Path:
        """kind's configuration."""
        return self.root / "kind.yaml"

    @property
    def patches(self) -> pathlib.Path:
        """What kubeadm changes on the spare node."""
        return self.root / "patches"

    @property
    def lock(self) -> pathlib.Path:
        """Held while it goes up or down."""
        return self.root.with_suffix(".lock")


@dataclass(slots=True)
class State:
    """`image`: the node image that was asked for, if any. `recipe` and `images`: the keys of what it was made of, and
    of the images of our pods on its nodes. `no_disk`: why its spare node has no small disk; empty if it has one.
    `host`: where its engine was asked (DOCKER_HOST); empty for the engine's own place.
    """

    name: str
    engine: str
    image: str
    recipe: str
    images: str = ""
    no_disk: str = ""
    host: str = ""
    phase: Phase = "starting"

    def serves(self, image: str, recipe: str) -> bool:
        """Whether it is what is asked for now; no image asked for is any."""
        return self.phase == "ready" and self.recipe == recipe and image in ("", self.image)

    def write(self, folder: KindDir) -> None:
        """Replace the state on disk at once."""
        layout.write_whole(folder.state, asdict(self))


def read(folder: KindDir) -> State | None:
    """The state of a cluster; None if there is none, or none that can be read."""
    try:
        values: dict[str, Any] = json.loads(folder.state.read_text())
        return State(**values)
    except (OSError, ValueError, TypeError):
        return None
