"""Which cluster a run uses, from the options; what a run needs to know of it."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.clusters import existing
from harness.clusters.embedded import cluster as embedded
from harness.clusters.embedded import layout
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.clusters.kind import cluster as kind
from harness.clusters.kind.nodes import KindNodes
from harness.clusters.kind.state import KindDir
from harness.clusters.kind.tool import BINARY
from harness.clusters.listed_nodes import ListedNodes
from harness.errors import UsageError
from harness.images import Images
from harness.kube import IN_CLUSTER, Kube, in_pod
from harness.locks import share
from harness.nodes import Nodes
from harness.options import KindOptions, Options
from harness.progress import Progress
from harness.results import Cluster

OWN_NODE = "SURVIVE_NODE"
"""The environment variable that names the node of the pod that this runs in (deploy/cronjob sets it)."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a cluster, and what it is."""

    provider: str
    kubeconfig: str
    context: str
    version: str
    nodes: int
    name: str = ""
    images: Images = field(default_factory=Images)
    listed: Sequence[str] = ()
    binary: str = ""
    """The program kind, where it was named."""

    @property
    def ours(self) -> bool:
        """Whether nobody else uses it, so that all that is left there of runs is ours."""
        return self.provider in ("embedded", "kind")

    def kube(self) -> Kube:
        """A client of it."""
        return Kube.connect(self.kubeconfig or None, self.context or None, self.images.dress, direct=self.ours)

    def own_nodes(self, run: str) -> Nodes | None:
        """Nodes that a run may have, what others left of theirs removed; None where it may have none."""
        if not self.ours:
            return ListedNodes(self.kube(), self.listed) if self.listed else None
        nodes = self.nodes_port(run)
        nodes.sweep()
        return nodes

    def nodes_port(self, run: str) -> EmbeddedNodes | KindNodes:
        """The nodes of a cluster of our own, as they are."""
        if self.provider == "kind":
            return KindNodes(self.name, run, self.binary)
        return EmbeddedNodes(self.name, run)

    def described(self) -> Cluster:
        """What results.json says of it."""
        return Cluster(provider=self.provider, version=self.version, nodes=self.nodes)


@contextlib.contextmanager
def connect(options: Options, run: str, progress: Progress, *, joining: bool = False) -> Iterator[Connection]:
    """The cluster of a run, kept from other runs while it lasts; all processes of one run may have it at once.

    `joining`: another process of this run has it, so it is never started anew, whatever became of the sources.

    Raises UsageError, before anything is touched, where the choice cannot be met or another run holds the cluster.
    """
    if context := chosen_context(options):
        with share(layout.run_lock(f"context-{_file_name(context)}"), run, f"run {run}"):
            yield at_existing(options, context)
        return
    folder_name = options.name or layout.default_name()
    if chosen_provider(options) == "kind":
        with share(kind_lock(folder_name), run, f"run {run}"):
            # Where a registry has the images of our pods, each node pulls what it needs.
            asked, load = options.kind.of(options.kubernetes), not options.images.registry
            made = None if joining else kind.up(folder_name, asked, progress, load=load)
            yield at_kind(options, made or kind.running(folder_name))
        return
    with share(layout.run_lock(folder_name), run, f"run {run}"):
        folder = layout.ClusterDir.named(folder_name)
        if not joining:
            embedded.up(folder_name, progress, kubernetes=options.kubernetes)
        yield at_embedded(options, folder)


def kind_lock(name: str) -> pathlib.Path:
    """The lock of those who run on a kind cluster, or would change it under them."""
    return layout.run_lock(f"kind-{KindDir.named(name).name}")


def chosen_provider(options: Options) -> str:
    """The kind of cluster: existing, kind or embedded; without a choice the one that can be had here.

    Without root the embedded cluster cannot be, kind can.
    """
    if options.cluster != "auto":
        return options.cluster
    if options.context:
        return "existing"
    if options.kind != KindOptions():
        return "kind"
    there = shutil.which(os.environ.get(BINARY) or "kind")
    return "kind" if there and os.geteuid() != 0 else "embedded"


def chosen_context(options: Options) -> str:
    """The context of the existing cluster that was chosen; empty for one of our own. Raises UsageError.

    In a pod, `--cluster existing` means that pod's cluster where no kubeconfig is named: there is no other to mistake.
    """
    context = options.context or ""
    if options.cluster == "existing" and not context:
        if not in_pod() or options.kubeconfig or os.environ.get("KUBECONFIG"):
            raise UsageError(
                "--cluster existing needs --kube-context NAME: only a context that you name is ever touched; in a pod"
                " with a ServiceAccount's token and without a kubeconfig it is the pod's own cluster"
            )
        context = IN_CLUSTER
    if options.cluster in ("embedded", "kind") and context:
        raise UsageError(
            f"--kube-context is for --cluster existing; the {options.cluster} cluster has a kubeconfig of its own"
        )
    if options.nodes and not context:
        raise UsageError(
            "--node is for --cluster existing: embedded and kind clusters have nodes of their own for that"
        )
    if context == IN_CLUSTER and (own := os.environ.get(OWN_NODE)) in options.nodes:
        raise UsageError(f"--node {own} is the node that this runs on: a taint there would end the run; name another")
    if options.kind != KindOptions() and (context or options.cluster == "embedded"):
        raise UsageError("--kind-image and --kind-binary are for --cluster kind")
    if options.kubernetes and context:
        raise UsageError("--kubernetes-version is for embedded and kind clusters: a cluster of yours has its own")
    return context


def at_existing(options: Options, context: str) -> Connection:
    """The user's own cluster, once it has answered and knows the user."""
    connection = Connection("existing", options.kubeconfig, context, "", 0, "", options.images, options.nodes)
    with contextlib.closing(connection.kube()) as kube:
        return replace(connection, version=existing.reach(kube, context), nodes=len(kube.list("v1", "Node")))


def at_embedded(options: Options, folder: layout.ClusterDir) -> Connection:
    """An embedded cluster that is up."""
    connection = Connection("embedded", str(folder.kubeconfig), "", "", 0, folder.name, options.images)
    with contextlib.closing(connection.kube()) as kube:
        return replace(connection, version=kube.version(), nodes=len(kube.list("v1", "Node")))


def at_kind(options: Options, folder: KindDir) -> Connection:
    """A kind cluster of ours that is up."""
    connection = Connection(
        "kind", str(folder.kubeconfig), "", "", 0, folder.name, options.images, binary=options.kind.binary
    )
    with contextlib.closing(connection.kube()) as kube:
        return replace(connection, version=kube.version(), nodes=len(kube.list("v1", "Node")))


def _file_name(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in text)
