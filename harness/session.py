"""What one process of a run has open: the cluster, a client of it, the run's folder."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.clusters.provider import Choice, connect
from harness.deploy import sweep, wait_deleted
from harness.kube import Kube
from harness.nodes import Nodes
from harness.progress import Progress
from harness.run import RunFolder


@dataclass(frozen=True, slots=True)
class Options:
    """The options that say where a run runs."""

    cluster: Choice
    context: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """An open run."""

    kube: Kube
    folder: RunFolder
    nodes: Nodes | None = None


@contextlib.contextmanager
def session(options: Options, folder: RunFolder, progress: Progress) -> Iterator[Session]:
    """Bring the cluster up, remove what a killed run left on it, and keep it from others until the end."""
    joining = folder.opened
    chosen = (options.cluster, options.context, options.name)
    with connect(*chosen, folder.id, progress, joining=joining) as connection:
        folder.open(connection.described())
        kube = connection.kube()
        try:
            if connection.provider == "embedded":  # on a cluster of others a namespace may be that of a living run
                sweep(kube, but=folder.id)
            yield Session(kube, folder, connection.own_nodes(folder.id))
            wait_deleted(kube, folder.id)
        finally:
            kube.close()
