"""A container is killed, or stopped in its tracks, from outside: its app need not help, and does not know.

On the node, all processes of the container are signalled, found by the container's id in their cgroup. From within the
pod this cannot be done: the kernel keeps the first process of a PID namespace from signals that it does not handle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.crash import need_by_itself, wait_restarted
from harness.disrupt.path import OnNodes, Path, acts, victims
from harness.disrupt.site import Pod, Site, grace_s, on_node, restarts
from harness.errors import ClusterError
from harness.history import History
from harness.proof import Proof, events

KILLED = 128 + 9
_SIGNAL = """\
n=0
for p in /proc/[0-9]*; do
  if grep -qs "$1" "$p/cgroup"; then kill -"$2" "${p#/proc/}" && n=$((n+1)); fi
done
echo $n
"""


@dataclass(frozen=True, slots=True)
class Kill(Path):
    """Kill (SIGKILL) a container of a pod with these labels on the node; the first main one if none is named."""

    name: ClassVar[str] = "kill"
    on_nodes: ClassVar[OnNodes] = "breaks"
    node: str
    selector: Mapping[str, str]
    container: str = ""

    def act(self, site: Site) -> None:
        """Kill it, and wait until the kubelet has restarted it and its pod is Ready."""
        pod = on_node(site.pods(self.selector), self.node)[0]
        signal(site, pod, self.container, "kill", "KILL")
        wait_restarted(site, pod["metadata"]["name"], pod["metadata"]["uid"], restarts(pod))

    def proof(self, history: History) -> Proof:
        """The container ended by SIGKILL and was restarted in its pod, which nobody deleted or stopped."""
        proof = Proof()
        hit, done = victims(history, "kill"), acts(history, "kill", "done")
        proof.need("all processes of a container got SIGKILL on their node", len(hit) == len(done) == 1)
        for life, act in zip(hit, done, strict=False):
            name = act.detail["container"]
            codes = [end.code for end in life.exits(name)]
            proof.need(
                f"{name} ended with exit code {KILLED} (seen: {', '.join(map(str, codes)) or 'none'})",
                codes == [KILLED],
            )
            proof.need(f"its restart count rose by 1, to {life.restarts(name)}", life.restarts(name) == 1)
            need_by_itself(proof, history, life)
        return proof


@dataclass(frozen=True, slots=True)
class Hang(Path):
    """Stop (SIGSTOP) the processes of a container, as if it hung: its liveness probe fails, the kubelet restarts it."""

    name: ClassVar[str] = "hang"
    on_nodes: ClassVar[OnNodes] = "breaks"
    node: str
    selector: Mapping[str, str]
    container: str = ""

    def act(self, site: Site) -> None:
        """Stop it, and wait until the kubelet has restarted it and its pod is Ready."""
        pod = on_node(site.pods(self.selector), self.node)[0]
        signal(site, pod, self.container, "hang", "STOP")
        wait_restarted(site, pod["metadata"]["name"], pod["metadata"]["uid"], restarts(pod), grace_s(pod))

    def proof(self, history: History) -> Proof:
        """The kubelet said why it stopped the container; the pod stayed, its restart count rose."""
        proof = Proof()
        hit, done = victims(history, "hang"), acts(history, "hang", "done")
        proof.need("all processes of a container got SIGSTOP on their node", len(hit) == len(done) == 1)
        for life, act in zip(hit, done, strict=False):
            name = act.detail["container"]
            said = [event.message for event in events(history, "Killing", life.uid)]
            failed = any(f"Container {name} failed liveness probe" in message for message in said)
            proof.need(f"event Killing: {name} failed its liveness probe and is restarted", failed)
            proof.need(f"its restart count rose by 1, to {life.restarts(name)}", life.restarts(name) == 1)
            proof.need(f"pod {life.name} ({life.uid[:8]}) stayed, it was not deleted", life.deletion_seen_ns is None)
        return proof


def signal(site: Site, pod: Pod, container: str, verb: str, name: str) -> None:
    """Send a signal to all processes of a container, on its node."""
    meta, node = pod["metadata"], pod["spec"]["nodeName"]
    chosen = container or pod["spec"]["containers"][0]["name"]
    (status,) = [one for one in pod["status"]["containerStatuses"] if one["name"] == chosen]
    identity = str(status["containerID"]).rpartition("/")[2]
    site.say(verb, f"pod/{meta['name']}", "begin", meta["uid"], container=chosen)
    count = int(site.own_nodes().run(node, ["sh", "-c", _SIGNAL, "sh", identity, name]).split()[-1])
    if not count:
        raise ClusterError(f"on {node} no process is in a cgroup of the container {chosen} ({identity[:12]})")
    site.say(verb, f"pod/{meta['name']}", "done", meta["uid"], container=chosen, processes=count)
