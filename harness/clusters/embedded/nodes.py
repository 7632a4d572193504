"""The nodes of a running cluster, as the rows of a run may have, break and mend them (see `harness.nodes`)."""

import errno
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.clusters.embedded import cluster, host, init, state
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.node import Node, link_name
from harness.errors import ClusterError
from harness.locks import hold
from harness.nodes import CONTROL_PLANE, RUN
from harness.wait import until

STOPPED_S = 30.0
STARTED_S = 15.0
"""The longest pause of init before it starts a program again is 5 s."""


class EmbeddedNodes:
    """Those of the cluster `name`, for one run; what `add` adds bears its label."""

    breakable = True

    def __init__(self, name: str, run: str) -> None:
        self._folder = ClusterDir.named(name)
        self._run = run

    def sweep(self) -> None:
        """Remove the nodes that other runs left, as killed ones do; one process of a run at a time."""
        with hold(self._folder.root / "sweep.lock", f"run {self._run}: removing nodes of others", wait_s=120):
            for node in self._known().nodes:
                if node.labels.get(RUN, self._run) != self._run:
                    self.remove(node.name)

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        taints: Sequence[str] = (),
        *,
        small_disk: bool = False,
    ) -> str:
        """Add a node; nothing of it stays if it does not become Ready."""
        wanted = Node(name, 0, {**labels, RUN: self._run}, tuple(taints), small_disk)
        try:
            cluster.add_node(self._folder.name, wanted)
        except BaseException:
            if name in {node.name for node in self._known().nodes}:
                self.remove(name)
            raise
        return name

    def may_touch(self, name: str) -> bool:  # noqa: ARG002 - all are ours
        """Every one."""
        return True

    def remove(self, name: str) -> None:
        """Take a node away."""
        cluster.remove_node(self._folder.name, name)

    def crash(self, name: str) -> None:
        """End the node's first process, and so all."""
        host.kill_init(self._spec(name))

    def run(self, name: str, argv: Sequence[str], timeout_s: float = 30) -> str:
        """Run a command in the node's namespaces."""
        return host.inside(self._pid(name), argv, timeout_s=timeout_s)

    def stop(self, name: str, daemon: str) -> None:
        """Stop a daemon, for as long as nobody starts it."""
        self._order(name, "stop", daemon)
        self._wait(name, daemon, "its end", lambda now: now["stopped"] and not now["pid"], STOPPED_S)

    def start(self, name: str, daemon: str) -> None:
        """Start a daemon that was stopped."""
        if self._program(name, daemon)["stopped"]:
            self._order(name, "start", daemon)
        self._wait(name, daemon, "its start", lambda now: not now["stopped"] and now["pid"], STARTED_S)

    def kill(self, name: str, daemon: str) -> None:
        """Kill a daemon, which comes back."""
        before = self._program(name, daemon)
        self._order(name, "kill", daemon)
        self._wait(
            name, daemon, "its next start", lambda now: now["starts"] > before["starts"] and now["pid"], STARTED_S
        )

    def cut(self, name: str) -> None:
        """Take the cluster's end of the node's link down."""
        self._link(name, "down")

    def mend(self, name: str) -> None:
        """Take it up again."""
        self._link(name, "up")

    def _known(self) -> state.State:
        return cluster.running(self._folder)

    def _spec(self, name: str) -> pathlib.Path:
        folder = self._folder.root if name == CONTROL_PLANE else self._folder.node(name)
        return folder / host.INIT

    def _pid(self, name: str) -> int:
        spec = self._spec(name)
        if (pid := host.find_inits(spec.parent).get(spec)) is None:
            raise ClusterError(f"{name} is not running: its first process is gone")
        return pid

    def _link(self, name: str, to: str) -> None:
        node = next((one for one in self._known().nodes if one.name == name), None)
        if node is None:
            raise ClusterError(f"cluster {self._folder.name} has no node {name}")
        host.inside(self._pid(CONTROL_PLANE), ["ip", "link", "set", "dev", link_name(node), to], spaces=["--net"])

    def _order(self, name: str, order: str, daemon: str) -> None:
        self._program(name, daemon)
        try:
            pipe = os.open(self._spec(name).with_name(init.CONTROL), os.O_WRONLY | os.O_NONBLOCK)
        except OSError as exc:
            if exc.errno not in (errno.ENXIO, errno.ENOENT):
                raise
            raise ClusterError(f"{name} is not running: nobody listens to its control pipe") from exc
        try:
            os.write(pipe, f"{order} {daemon}\n".encode())
        finally:
            os.close(pipe)

    def _program(self, name: str, daemon: str) -> dict[str, Any]:
        try:
            programs: dict[str, dict[str, Any]] = json.loads(self._spec(name).with_name(init.STATE).read_text())
        except FileNotFoundError as exc:
            raise ClusterError(f"{name} is not running: it has told nothing of its programs") from exc
        if daemon not in programs:
            raise ClusterError(f"{name} runs no {daemon}: {', '.join(programs)}")
        return programs[daemon]

    def _wait(self, name: str, daemon: str, what: str, met: Callable[[dict[str, Any]], Any], timeout_s: float) -> None:
        until(
            lambda: bool(met(self._program(name, daemon))), f"{daemon} of {name}: {what}", timeout_s,
            every_s=0.02, last=lambda: self._program(name, daemon),
        )  # fmt: skip
