"""What may be done to a cluster's machines, beyond its API: the port that a provider of clusters fills.

It is neither a stage's nor a provider's: paths act by it, `clusters` implements it, and neither knows the other.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

CONTROL_PLANE: Final = "control-plane"
"""Stands for a node's name where a daemon of the control plane is meant, such as kube-scheduler-0."""

FILLER: Final = "/var/lib/kubelet/survive-filler"
"""The file that fills a node's small disk."""

RUN: Final = "survive.dev/run"
"""The label, on namespaces and nodes, of the run that made them."""


class Nodes(Protocol):
    """The nodes of a cluster, to be added and removed, broken and mended. Every method may raise ClusterError."""

    breakable: bool
    """Whether they are ours to break; others' may only be closed, tainted and labelled."""

    def may_touch(self, name: str) -> bool:
        """Whether a node may be changed."""

    def add(self, name: str, labels: Mapping[str, str], taints: Sequence[str] = ..., *, small_disk: bool = ...) -> str:
        """Add a node and return its name once it is Ready; where none is added one is lent, whose name is another's.

        A taint is written key=value:Effect.

        One that is lent is another row's afterwards: its provider mends what was done to it, or allows no more than can
        be taken back. A small disk is the kubelet's own of 600 MB, with a soft eviction threshold of 300 Mi (for 3 s;
        at most 4 s of grace) and a hard one of 100 Mi.
        """

    def remove(self, name: str) -> None:
        """Take away a node that was added by `add`, however it is, with its Node object."""

    def crash(self, name: str) -> None:
        """End every process of a node at once, as a loss of power does; it is over when this returns."""

    def run(self, name: str, argv: Sequence[str], timeout_s: float = ...) -> str:
        """Run a command on a node, as root; what it printed."""

    def stop(self, name: str, daemon: str) -> None:
        """Stop a daemon (SIGTERM), as `systemctl stop` does, and return once it has ended; it stays down."""

    def start(self, name: str, daemon: str) -> None:
        """Start a daemon that was stopped, and return once its process is there; one that runs is left alone."""

    def kill(self, name: str, daemon: str) -> None:
        """Kill a daemon (SIGKILL); its supervisor starts it again. Returns once the new process is there."""

    def cut(self, name: str) -> None:
        """Cut a node's link: nothing comes in or goes out any more."""

    def mend(self, name: str) -> None:
        """Restore a link that was cut; one that was not is left alone."""
