"""Which cluster a run uses, from the options; what a run needs to know of it."""

import contextlib
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.clusters.embedded import cluster as embedded
from harness.clusters.embedded import layout
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.errors import UsageError
from harness.kube import Kube
from harness.locks import share
from harness.nodes import Nodes
from harness.progress import Progress
from harness.results import Cluster

Choice = Literal["auto", "existing", "embedded"]
CHOICES: tuple[Choice, ...] = ("auto", "existing", "embedded")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a cluster, and what it is."""

    provider: str
    kubeconfig: str
    context: str
    version: str
    nodes: int
    name: str = ""

    def kube(self) -> Kube:
        """A client of it."""
        return Kube.connect(pathlib.Path(self.kubeconfig) if self.kubeconfig else None, self.context or None)

    def own_nodes(self, run: str) -> Nodes | None:
        """Nodes that a run may have and break, what others left of theirs removed; None where no node is its own."""
        if self.provider != "embedded":
            return None
        nodes = EmbeddedNodes(self.name, run)
        nodes.sweep()
        return nodes

    def described(self) -> Cluster:
        """What results.json says of it."""
        return Cluster(provider=self.provider, version=self.version, nodes=self.nodes)


@contextlib.contextmanager
def connect(
    choice: Choice, context: str | None, name: str | None, run: str, progress: Progress, *, joining: bool = False
) -> Iterator[Connection]:
    """The cluster of a run, kept from other runs while it lasts; all processes of one run may have it at once.

    `joining`: another process of this run has it, so it is never started anew, whatever became of the sources.

    Raises UsageError, before anything is touched, where the choice cannot be met or another run holds the cluster.
    """
    if choice == "existing" and not context:
        raise UsageError("--cluster existing needs --kube-context NAME: only a context that you name is ever touched")
    if choice == "embedded" and context:
        raise UsageError("--kube-context is for --cluster existing; the embedded cluster has a kubeconfig of its own")
    if context:
        with share(layout.run_lock(f"context-{_file_name(context)}"), run, f"run {run}"):
            yield _describe("existing", "", context)
        return
    folder_name = name or layout.default_name()
    with share(layout.run_lock(folder_name), run, f"run {run}"):
        folder = layout.ClusterDir.named(folder_name) if joining else embedded.up(folder_name, progress)
        yield _describe("embedded", str(folder.kubeconfig), "", folder_name)


def _describe(provider: str, kubeconfig: str, context: str, name: str = "") -> Connection:
    unknown = Connection(provider, kubeconfig, context, "", 0)
    kube = unknown.kube()
    return Connection(provider, kubeconfig, context, kube.version(), len(kube.list("v1", "Node")), name)


def _file_name(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in text)
