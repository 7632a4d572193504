"""What is known of a cluster, on disk, so that it outlives the process that started it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from harness import versions
from harness.clusters.embedded import layout
from harness.clusters.embedded.addresses import Addresses
from harness.clusters.embedded.layout import ClusterDir, home
from harness.clusters.embedded.node import Node
from harness.clusters.embedded.programs import KUBERNETES

Phase = Literal["starting", "ready"]


@dataclass(slots=True)
class State:
    """A cluster's state. `recipe`, `programs` and `images` are the keys of what it was started from.

    `kubernetes` is its version; one that does not tell was started when there was no other.
    """

    name: str
    b: int
    recipe: str
    programs: str
    images: str
    phase: Phase = "starting"
    nodes: list[Node] = field(default_factory=list)
    kubernetes: str = KUBERNETES

    def made_of(self, other: "State") -> bool:
        """Whether both were started from the same sources."""
        return (self.recipe, self.programs, self.images) == (other.recipe, other.programs, other.images)

    @property
    def addresses(self) -> Addresses:
        """The cluster's addresses."""
        return Addresses(self.b)

    @property
    def gates(self) -> dict[str, bool]:
        """The feature gates that are set, so that all rows can run that its version can do."""
        return versions.to_enable(versions.parse(self.kubernetes))

    def write(self, folder: ClusterDir) -> None:
        """Replace the state on disk at once."""
        layout.write_whole(folder.state, asdict(self))


def read(folder: ClusterDir) -> State | None:
    """The state of a cluster; None if there is none, or none that can be read: then it is to be taken down."""
    try:
        values: dict[str, Any] = json.loads(folder.state.read_text())
        values["nodes"] = [Node(**{**node, "taints": tuple(node["taints"])}) for node in values["nodes"]]
        return State(**values)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_states() -> list[State]:
    """The states of all clusters of this home."""
    folders = sorted((home() / "clusters").glob("*/state.json"))
    return [state for path in folders if (state := read(ClusterDir(path.parent))) is not None]
