"""The leader of one of the cluster's own components is killed; it comes back, and another leads by then."""

from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader import holder, leases, need_passed, wait_passed
from harness.disrupt.path import OnNodes, Path, acts
from harness.disrupt.site import Site
from harness.errors import SurviveError
from harness.history import History
from harness.nodes import CONTROL_PLANE
from harness.proof import Proof

NAMESPACE = "kube-system"


@dataclass(frozen=True, slots=True)
class CrashComponent(Path):
    """Kill the process that holds the Lease `component` in kube-system.

    Where there are several its identity begins with a name of its own, such as kube-scheduler-0; where it is a host's,
    that host has one process of this component.
    """

    name: ClassVar[str] = "component-crash"
    on_nodes: ClassVar[OnNodes] = "breaks"
    component: str

    def act(self, site: Site) -> None:
        """Kill it (SIGKILL), wait until it was started again and until another holds the Lease."""
        nodes = site.own_nodes()
        old = holder(site, self.component, NAMESPACE)
        if not old:
            raise SurviveError(f"lease/{self.component} is held by nobody, so there is no leader to kill")
        named = old.partition("_")[0]
        daemon = named if named.startswith(self.component) else self.component
        site.say("crash-component", f"process/{daemon}", "begin", holder=old)
        nodes.kill(CONTROL_PLANE, daemon)
        site.say("crash-component", f"process/{daemon}", "done", holder=old)
        wait_passed(site, self.component, old, NAMESPACE)

    def proof(self, history: History) -> Proof:
        """The process was killed: the Lease was not renewed by it any more, and passed to another."""
        proof = Proof()
        done = acts(history, "crash-component", "done")
        proof.need(f"a process of {self.component} was killed, and started again", bool(done))
        for act in done:
            old = act.detail["holder"]
            later = [
                one for one in leases(history, self.component) if one.holder == old and (one.renew_ns or 0) > act.t_ns
            ]
            proof.need(f"{old} renewed nothing after that", not later)
            need_passed(proof, history, self.component, old)
        return proof
