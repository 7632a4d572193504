"""Measure how long the removal of an endpoint takes to reach the data path of this cluster."""

from harness.deploy import server
from harness.disrupt.in_turn import DeleteOverlapping
from harness.errors import SurviveError
from harness.failures import NotPassed
from harness.judge.expect import Seen
from harness.kube import Object
from harness.load import NewConnections, Probe
from harness.scenario import Row, Scenario
from harness.session import Session
from harness.tune.removal import Removal, Spread, by_node, removals

KEEP_S = 8
"""So long a pod serves on after its deletion: routing that takes longer is not waited for."""

REPLICAS = 2
"""Few, so that each is asked often: a pod that many others stand beside is missed by chance for longer."""

NODES = 3
"""From so many nodes at most."""

RATE = 100.0
ROUTED = "the removed pods were routed to before"
CLOSED = ("NoSchedule", "NoExecute")


def measure(session: Session, count: int, name: str = "removal", keep_s: int = KEEP_S) -> list[Spread]:
    """Delete `count` pods that serve on, one after the other; how long each was reached by new connections.

    From the load's own place, and from nodes on which the pods are. Each deletion comes as a replacement has just
    become ready, as in a rollout: kube-proxy's pause after that is in it. Raises SurviveError where the machine was too
    noisy, or routing did not follow within `keep_s`.
    """
    row = Row("B2", name, "delete", f"{count} deletions of pods that serve on: how long they are reached", "survive")
    scenario = Scenario(session.kube, session.folder, row, session.nodes, session.furnishing, shared=session.shared)
    app = server(name, replicas=REPLICAS, pre_stop_s=keep_s, grace_s=keep_s + 5)
    probes: list[Probe] = [NewConnections(), *(NewConnections(node=one) for one in open_nodes(session)[:NODES])]
    error = ""
    try:
        scenario.open()
        scenario.deploy(app)
        with scenario.load(app, rate=RATE, background=0, probes=probes):
            scenario.restart(DeleteOverlapping(app.selector, count=count))
        scenario.expect(Seen(ROUTED, lambda seen: bool(removals(seen.history, app.selector))))
        return _told(removals(scenario.history, app.selector), count, keep_s)
    except NotPassed as exc:
        raise SurviveError(f"the removal of endpoints could not be measured: {exc.result.why}") from exc
    except Exception as exc:
        error = f"{type(exc).__name__}: {exc}"
        raise
    finally:
        scenario.close(error)


def open_nodes(session: Session) -> list[str]:
    """The nodes on which a pod without tolerations may run, by their host names."""
    return [
        one["metadata"]["labels"]["kubernetes.io/hostname"]
        for one in session.kube.list("v1", "Node")
        if _open(one) and "kubernetes.io/hostname" in one["metadata"].get("labels", {})
    ]


def _open(node: Object) -> bool:
    spec = node.get("spec", {})
    closed = [one for one in spec.get("taints") or [] if one["effect"] in CLOSED]
    return not spec.get("unschedulable") and not closed


def _told(found: list[Removal], count: int, keep_s: int) -> list[Spread]:
    made = by_node(found)
    if not made:
        raise SurviveError(f"routing did not follow each of {count} removals of an endpoint within {keep_s} s")
    return made
