"""Nodes of a cluster of others that one may close, taint and crowd for a while: those that the user named, no other."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from harness import taints as of_nodes
from harness.clusters.embedded.layout import run_lock
from harness.errors import Impossible, KubeError, UsageError
from harness.kube import Kube
from harness.locks import hold

ONLY_OWN = "which only clusters of our own have to spare: run it with --cluster embedded or kind"
LEND_S = 60.0


class ListedNodes:
    """A row that needs a node is lent one that no other row has; it bears the row's label and taint meanwhile."""

    breakable = False

    def __init__(self, kube: Kube, listed: Sequence[str]) -> None:
        self._kube = kube
        self._listed = tuple(listed)
        self._lent: dict[str, tuple[Mapping[str, str], list[str]]] = {}

    def may_touch(self, name: str) -> bool:
        """Whether the user named it."""
        return name in self._listed

    def add(
        self, name: str, labels: Mapping[str, str], taints: Sequence[str] = (), *, small_disk: bool = False
    ) -> str:  # fmt: skip
        """Lend one that is Ready and open, and return its own name. Raises Impossible where there is none."""
        if small_disk:
            _refuse(f"{name} needs a node with a small disk")
        asked = [of_nodes.taint(text) for text in taints]
        keys = [one["key"] for one in asked]
        # Between the processes of a run; another run's rows are seen by the taint.
        with hold(run_lock("listed-nodes"), f"lending a node to {name}", wait_s=LEND_S):
            why = []
            for node in self._listed:
                if said := self._kept_off(node):
                    why.append(f"{node} ({said})")
                    continue
                of_nodes.mark(self._kube, node, asked, keys, labels)
                self._lent[node] = labels, keys
                return node
        raise Impossible(f"none of the nodes listed by --node can be had now: {', '.join(why)}")

    def remove(self, name: str) -> None:
        """Take back what was lent: its labels and taints go."""
        labels, keys = self._lent.pop(name)
        of_nodes.mark(self._kube, name, [], keys, dict.fromkeys(labels))

    def _kept_off(self, node: str) -> str:
        try:
            return of_nodes.kept_off(self._kube.get("v1", "Node", node))
        except KubeError as exc:
            if exc.status != 404:
                raise
            raise UsageError(f"--node {node}: the cluster has no node of that name") from exc

    def crash(self, name: str) -> None:
        """Not one of others'."""
        _refuse(f"the crash of {name}")

    def run(self, name: str, argv: Sequence[str], timeout_s: float = 0) -> str:  # noqa: ARG002 - as the port has it
        """Not on one of others'."""
        _refuse(f"a command on {name}")

    def stop(self, name: str, daemon: str) -> None:
        """Not on one of others'."""
        _refuse(f"the stop of {daemon} on {name}")

    def start(self, name: str, daemon: str) -> None:
        """Not on one of others'."""
        _refuse(f"the start of {daemon} on {name}")

    def kill(self, name: str, daemon: str) -> None:
        """Not on one of others'."""
        _refuse(f"the kill of {daemon} on {name}")

    def cut(self, name: str) -> None:
        """Not one of others'."""
        _refuse(f"a cut of the link of {name}")

    def mend(self, name: str) -> None:
        """Not one of others'."""
        _refuse(f"the link of {name}")


def _refuse(what: str) -> NoReturn:
    raise Impossible(f"{what} needs a node {ONLY_OWN}")
