"""The nodes of a running kind cluster, as the rows of a run may have, break and mend them (see `harness.nodes`).

kind adds no node to a cluster that runs. A row that needs one of its own is lent the spare node, one row at a time;
what it did to it is mended when it is given back.
"""

import contextlib
import pathlib
from collections.abc import Mapping, Sequence

from harness import taints as of_nodes
from harness.clusters.embedded.layout import run_lock
from harness.clusters.kind import state, tool
from harness.clusters.kind.cluster import running
from harness.clusters.kind.config import SPARE, node, spare
from harness.errors import ClusterError, Impossible, UsageError
from harness.kube import Kube, Object
from harness.locks import hold
from harness.nodes import CONTROL_PLANE, FILLER
from harness.wait import until

OURS = "survive.dev/"
SPARE_TAINT = f"{SPARE}:NoSchedule"
LEND_S = 1800.0
"""How long a row waits for the rows before it; the longest takes about two minutes."""

STATE_S, DAEMON_S, READY_S = 30.0, 30.0, 90.0
AGAIN_S = 60.0
"""Until a killed process is back; a static pod that has ended before is held back for 10 s, then for 20 s."""

DAEMONS = ("containerd", "kubelet")
"""In the order in which they start."""

_PID = 'pgrep --oldest --full "^([^ ]*/)?$0( |\\$)" || test $? = 1'
"""The process that runs a program; nothing where there is none."""

_CUT = """\
set -e
test ! -e /run/survive-routes
ip -4 route show dev eth0 > /run/survive-routes.partial
mv /run/survive-routes.partial /run/survive-routes
ip link set dev eth0 down
"""
_MEND = """\
set -e
test -e /run/survive-routes || exit 0
ip link set dev eth0 up
while read -r route; do ip -4 route replace $route dev eth0; done < /run/survive-routes
rm /run/survive-routes
"""
"""A link that is taken down loses its routes, which are Docker's and the CNI's."""


class KindNodes:
    """Those of the cluster `name`, for one run."""

    breakable = True

    def __init__(self, name: str, run: str, binary: str = "") -> None:
        self._folder = running(name)
        self._run = run
        self._tools = tool.find(binary)
        self._kube = Kube.connect(str(self._folder.kubeconfig))
        self._turn: contextlib.ExitStack | None = None

    def sweep(self) -> None:
        """Mend what a killed run left of the spare node; one that a row of this run has is left alone."""
        with contextlib.suppress(UsageError), hold(self._lock, f"run {self._run}: mending the spare node"):
            if self._marked(self._kube.get("v1", "Node", self._spare)):
                self._restore()

    def add(
        self, name: str, labels: Mapping[str, str], taints: Sequence[str] = (), *, small_disk: bool = False
    ) -> str:  # fmt: skip
        """Lend the spare node, once no other row has it, and return its own name."""
        known = state.read(self._folder)
        if small_disk and (why := known.no_disk if known else "its state cannot be read"):
            raise Impossible(f"{name} needs a node with a small disk, which this kind cluster has not: {why}")
        if self._turn is not None:
            raise Impossible(f"{name} needs a second node of its own; a kind cluster has one to spare")
        asked = [of_nodes.taint(text) for text in taints]
        with contextlib.ExitStack() as turn:
            try:
                turn.enter_context(hold(self._lock, f"{name} of run {self._run}", wait_s=LEND_S))
            except UsageError as exc:
                raise Impossible(f"{name} needs the spare node {self._spare}, which was not free: {exc}") from exc
            turn.callback(self._restore)
            self._wait_ready()
            of_nodes.mark(self._kube, self._spare, asked, [SPARE, *(one["key"] for one in asked)], labels)
            self._turn = turn.pop_all()
        return self._spare

    def may_touch(self, name: str) -> bool:  # noqa: ARG002 - all are ours
        """Every one."""
        return True

    def remove(self, name: str) -> None:
        """Mend the spare node, however it is, and take it back."""
        if self._turn is None or name != self._spare:
            raise ClusterError(f"{name} was not lent")
        turn, self._turn = self._turn, None
        turn.close()

    def crash(self, name: str) -> None:
        """Kill the node's container, and so every process in it."""
        self._tools.engine_run("kill", self._container(name), doing=f"killing {name}")
        self._wait_state(name, "exited")

    def run(self, name: str, argv: Sequence[str], timeout_s: float = 30) -> str:
        """Run a command in the node's container."""
        limited = ["timeout", "--signal=KILL", f"{timeout_s:g}", *argv]
        doing = f"{' '.join(argv)} on {name}"
        return self._tools.engine_run("exec", self._container(name), *limited, doing=doing, timeout_s=timeout_s + 30)

    def stop(self, name: str, daemon: str) -> None:
        """Stop a daemon, for as long as nobody starts it."""
        self.run(name, ["systemctl", "stop", daemon])
        until(
            lambda: not self._pid(name, daemon), f"{daemon} of {name}: its end", DAEMON_S,
            last=lambda: f"process {self._pid(name, daemon)}",
        )  # fmt: skip

    def start(self, name: str, daemon: str) -> None:
        """Start a daemon that was stopped."""
        if not self._pid(name, daemon):
            self.run(name, ["systemctl", "start", daemon])
            until(lambda: self._pid(name, daemon) > 0, f"{daemon} of {name} to start", DAEMON_S)

    def kill(self, name: str, daemon: str) -> None:
        """Kill a daemon, which comes back: by its supervisor, or as a static pod of the control plane."""
        before = self._pid(name, daemon)
        if not before:
            raise ClusterError(f"{self._container(name)} runs no {daemon}")
        self.run(name, ["kill", "-KILL", str(before)])
        until(
            lambda: self._pid(name, daemon) not in (0, before), f"{daemon} of {name}: its next start", AGAIN_S,
            last=lambda: f"process {self._pid(name, daemon)}",
        )  # fmt: skip

    def cut(self, name: str) -> None:
        """Take the node's end of its link down, and remember its routes."""
        self.run(name, ["sh", "-c", _CUT])

    def mend(self, name: str) -> None:
        """Take it up again, with its routes; a link that was not cut is left alone."""
        self.run(name, ["sh", "-c", _MEND])

    @property
    def _spare(self) -> str:
        return spare(self._folder.name)

    @property
    def _lock(self) -> pathlib.Path:
        return run_lock(f"{self._folder.name}-spare")

    def _container(self, name: str) -> str:
        return node(self._folder.name, 0) if name == CONTROL_PLANE else name

    def _restore(self) -> None:
        """The spare node as it was at first: running, linked, Ready, open, with its own taint alone."""
        found = self._kube.get("v1", "Node", self._spare)
        if self._tools.containers(self._folder.name).get(self._spare) == "running":
            self.mend(self._spare)
            for daemon in DAEMONS:
                self.start(self._spare, daemon)
        else:  # a container that starts again has its link, and starts its daemons
            self._tools.engine_run("start", self._spare, doing=f"starting {self._spare} again")
            self._wait_state(self._spare, "running")
        self.run(self._spare, ["rm", "--force", FILLER])
        if found["spec"].get("unschedulable"):
            self._kube.patch("v1", "Node", self._spare, "", {"spec": {"unschedulable": None}})
        keys = [one["key"] for one in found["spec"].get("taints") or [] if one["key"].startswith(OURS)]
        of_nodes.mark(
            self._kube, self._spare, [of_nodes.taint(SPARE_TAINT)], [SPARE, *keys], dict.fromkeys(_lent_labels(found))
        )
        self._wait_ready()

    def _marked(self, found: Object) -> bool:
        """Whether it bears what only a lent node does, or is not as it should be."""
        running_now = self._tools.containers(self._folder.name).get(self._spare) == "running"
        return bool(_lent_labels(found)) or not running_now or of_nodes.kept_off(found) != f"taint {SPARE_TAINT}"

    def _wait_ready(self) -> None:
        """Until the spare node is Ready and open but for its own taint."""

        def lacks() -> str:
            found = of_nodes.kept_off(self._kube.get("v1", "Node", self._spare))
            return "" if found == f"taint {SPARE_TAINT}" else found or "its taint is missing"

        until(lambda: not lacks(), f"the spare node {self._spare} to be Ready again", READY_S, every_s=0.5, last=lacks)

    def _wait_state(self, name: str, wanted: str) -> None:
        def now() -> str:
            return self._tools.containers(self._folder.name).get(self._container(name), "gone")

        until(lambda: now() == wanted, f"the container of {name} to be {wanted}", STATE_S, last=now)

    def _pid(self, name: str, daemon: str) -> int:
        """The first process of a daemon; 0 if there is none."""
        said = self.run(name, ["sh", "-c", _PID, daemon]).split()
        return int(said[0]) if said else 0


def _lent_labels(found: Object) -> list[str]:
    """The labels of a row on a node."""
    return [key for key in found["metadata"].get("labels") or {} if key.startswith(OURS) and key != SPARE]
