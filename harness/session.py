"""What one process of a run has open: the cluster, a client of it, the run's folder."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness import rights, versions
from harness.clusters.provider import connect
from harness.deploy import Furnishing, sweep, wait_deleted
from harness.kube import Kube
from harness.nodes import Nodes
from harness.options import Options
from harness.progress import Progress
from harness.run import RunFolder


@dataclass(frozen=True, slots=True)
class Session:
    """An open run."""

    kube: Kube
    folder: RunFolder
    nodes: Nodes | None = None
    furnishing: Furnishing = field(default_factory=Furnishing)
    shared: bool = False
    """Whether it is a cluster of others, on which one has the rights that one was given."""

    skipped: Mapping[str, str] = field(default_factory=dict)
    """The rows, by name, that this version of Kubernetes cannot do, and why."""


@contextlib.contextmanager
def session(options: Options, folder: RunFolder, progress: Progress) -> Iterator[Session]:
    """Bring the cluster up, remove what a killed run left on it, and keep it from others until the end."""
    joining = folder.opened
    with connect(options, folder.id, progress, joining=joining) as connection:
        kube = connection.kube()
        try:
            if not connection.ours and not joining:
                rights.demand(kube, rights.of_role(rights.EVERY_RUN))
            folder.open(connection.described())
            if connection.ours:  # on a cluster of others a namespace may be that of a living run
                sweep(kube, but=folder.id)
            shared = not connection.ours
            furnishing = Furnishing(options.labels, options.pull_auth)
            skipped = versions.skipped(versions.parse(connection.version), versions.gates_of(kube.metrics))
            yield Session(kube, folder, connection.own_nodes(folder.id), furnishing, shared=shared, skipped=skipped)
            wait_deleted(kube, folder.id)
        finally:
            kube.close()
