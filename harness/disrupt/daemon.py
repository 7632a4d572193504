"""A daemon of a node is restarted: the kubelet or containerd, and nothing else."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.clock import now_ns
from harness.disrupt.path import OnNodes, Path, acts
from harness.disrupt.site import Site, ready
from harness.errors import KubeError
from harness.history import History
from harness.kube import time_ns
from harness.lives import lives
from harness.proof import Proof
from harness.records import Act
from harness.wait import until

READY_S = 60.0
ABSENT = 404


@dataclass(frozen=True, slots=True)
class RestartDaemon(Path):
    """Stop a daemon of the node, leave it down for `down_s`, start it again."""

    name: ClassVar[str] = "daemon"
    on_nodes: ClassVar[OnNodes] = "breaks"
    node: str
    daemon: Literal["kubelet", "containerd"]
    down_s: float = 5.0

    def act(self, site: Site) -> None:
        """Restart it, and wait until the kubelet has told the cluster since that the node is Ready."""
        nodes, target = site.own_nodes(), f"node/{self.node}"
        site.say("stop-daemon", target, "begin", daemon=self.daemon, pid=self._pid(site))
        nodes.stop(self.node, self.daemon)
        site.say("stop-daemon", target, "done", daemon=self.daemon, pid=self._pid(site))
        stopped_ns = now_ns()
        until(lambda: now_ns() - stopped_ns >= self.down_s * 1e9, "the daemon's pause", self.down_s + 1)
        nodes.start(self.node, self.daemon)
        site.say("start-daemon", target, "done", daemon=self.daemon, pid=self._pid(site))
        started_ns = now_ns()
        renewed_ns = until(lambda: self._renewed_ns(site, started_ns), f"the kubelet of {self.node} to speak", READY_S)
        site.say("heard-from", target, "done", renewed_ns=renewed_ns)

    def proof(self, history: History) -> Proof:
        """The process was another after the pause, and none in it; the node spoke again; no container ended."""
        proof = Proof()
        begun, down = acts(history, "stop-daemon", "begin"), acts(history, "stop-daemon", "done")
        up, heard = acts(history, "start-daemon", "done"), acts(history, "heard-from", "done")
        before, now = _pid_of(begun), _pid_of(up)
        proof.need(f"{self.daemon} ran as process {before}", before > 0)
        proof.need(f"{self.daemon} was down", bool(down) and _pid_of(down) == 0)
        proof.need(f"{self.daemon} runs as process {now} again", now > 0 and now != before)
        proof.need("the node renewed its Lease after it", bool(heard and up) and heard[0].t_ns > up[0].t_ns)
        names = {act.target.removeprefix("node/") for act in begun}
        here = [life for life in lives(history).values() if life.node in names]
        proof.need(f"pods ran on the node: {', '.join(life.name for life in here) or 'none'}", bool(here))
        for life in here:
            untouched = not life.exits() and not life.restarts() and life.deletion_seen_ns is None
            proof.need(f"no container of {life.name} ended", untouched)
        return proof

    def heal(self, site: Site) -> None:
        """Start it, if it is down still."""
        site.say("start-daemon", f"node/{self.node}", "heal", daemon=self.daemon)
        site.own_nodes().start(self.node, self.daemon)

    def _pid(self, site: Site) -> int:
        """The daemon's process on its node; 0 if there is none."""
        script = f"pgrep --oldest --exact {self.daemon} || echo 0"
        return int(site.own_nodes().run(self.node, ["sh", "-c", script]))

    def _renewed_ns(self, site: Site, since_ns: int) -> int | None:
        """When the kubelet renewed the node's Lease, if that was after a moment and the node is Ready."""
        try:
            lease = site.kube.get("coordination.k8s.io/v1", "Lease", self.node, "kube-node-lease")
        except KubeError as exc:
            if exc.status != ABSENT:
                raise
            return None  # a node that has just been added has none yet
        renewed_ns = time_ns(lease["spec"].get("renewTime"))
        late = renewed_ns is not None and renewed_ns > since_ns
        return renewed_ns if late and ready(site.kube.get("v1", "Node", self.node)) else None


def _pid_of(found: list[Act]) -> int:
    return int(found[0].detail["pid"]) if found else 0
