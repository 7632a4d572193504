"""The restart paths that make sense for an app that nothing is known of: it does not help, and need not know."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.deploy.server import IMAGE
from harness.disrupt import (
    Delete,
    Drain,
    Evict,
    Handover,
    Hang,
    Kill,
    NodeDown,
    Path,
    Preempt,
    Rollout,
    ScaleDown,
    Taint,
)
from harness.disrupt.node_down import TOLERATED_S
from harness.manifests import pod_spec
from harness.spec import OwnApp, PathSettings

SHORT_S = 30
FOR_EVER_S = 1_000_000
TAKES_S = 25.0
"""About what most take, by which tests are ordered; the stop's grace comes on top where it is used."""


@dataclass(frozen=True, slots=True)
class OwnPath:
    """A path for users' apps. `row` is its row of the matrix, for each kind of workload where they differ.

    `make` gets the app, the settings and the name of the row's own node, which is empty unless `own_node`. `unfit` says
    why it makes no sense for an app; empty if it does. Paths that are `alone` with the same thing take turns.
    """

    name: str
    row: str
    title: str
    make: Callable[[OwnApp, PathSettings, str], Path]
    unfit: Callable[[OwnApp], str] = lambda _: ""
    unasked: Callable[[OwnApp], str] = lambda _: ""
    """Why it is not tried unless it is named; empty if it is."""
    own_node: bool = False
    room: bool = False
    """Whether the pods must ask for room on their node."""
    counted: bool = False
    """Whether it is of so many pods as the settings say."""
    alone: str = ""
    takes_s: float = TAKES_S
    rows: tuple[tuple[str, str], ...] = ()
    leader: bool = False
    """Whether it is about the leader, and needs one."""
    attaches: bool = False
    """Whether it may be done to an app that runs already, of which nothing changes but by the restart itself."""

    def row_of(self, app: OwnApp) -> str:
        """The row of the matrix that it is for an app."""
        return dict(self.rows).get(app.kind, self.row)

    def why_not(self, app: OwnApp) -> str:
        """Why it cannot be done to an app; empty if it can."""
        if app.namespace and not self.attaches:
            return "more would change of an app that runs already than its restart changes"
        return self.unfit(app)


def _no_daemons(app: OwnApp) -> str:
    return "a DaemonSet's pods belong to their nodes: they are not moved" if app.kind == "DaemonSet" else ""


def _scalable(app: OwnApp) -> str:
    if app.kind != "Deployment":
        return f"only a Deployment is scaled down, and this is a {app.kind}"
    if any(one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject") for one in app.manifests):
        return "an autoscaler of the manifests decides on the number of pods"
    return "" if app.replicas > 1 else "there is one replica alone"


def _alive(app: OwnApp) -> list[str]:
    """The containers with a liveness probe."""
    return [one["name"] for one in app.containers if "livenessProbe" in one]


def _probed(app: OwnApp) -> str:
    return _no_daemons(app) or ("" if _alive(app) else "no container has a livenessProbe, so that nobody would know")


def tolerated_s(app: OwnApp) -> int:
    """How long its pods tolerate the loss of their node; the cluster's default is that of pods that do not say."""
    for one in pod_spec(app.object).get("tolerations") or []:
        if one.get("effect") in (None, "", "NoExecute") and one.get("key") in (None, "node.kubernetes.io/unreachable"):
            return int(one.get("tolerationSeconds", FOR_EVER_S))
    return TOLERATED_S


def _long_tolerated(app: OwnApp) -> str:
    if tolerated_s(app) <= SHORT_S:
        return ""
    return (
        f"its pods tolerate the loss of their node for {tolerated_s(app)} s, which a test would have to wait for:"
        " name it under `paths` to do so, or give them a short toleration of node.kubernetes.io/unreachable"
    )


def _led(app: OwnApp) -> str:
    return "" if app.spec.lease else "no `lease` is named, by which a leader would be known"


BUILT_IN = (
    OwnPath(
        "rollout", "B1", "The workload is rolled out anew, as by `kubectl rollout restart`.",
        lambda app, _, __: Rollout(app.workload, app.selector, app.kind),
        rows=(("StatefulSet", "E2"), ("DaemonSet", "E3")), takes_s=40, attaches=True,
    ),
    OwnPath(
        "delete", "B2", "A pod is deleted.",
        lambda app, settings, _: Delete(app.selector, settings.count), counted=True, attaches=True,
    ),
    OwnPath(
        "evict", "C1", "A pod is evicted, as by a drain; budgets are honoured.",
        lambda app, settings, _: Evict(app.selector, settings.count), counted=True, attaches=True,
    ),
    OwnPath(
        "scale", "E5", "The Deployment is scaled down to half.",
        lambda app, _, __: ScaleDown(app.workload, app.selector, max(1, app.replicas // 2)), _scalable,
    ),
    OwnPath(
        "drain", "C12", "The node of a pod is drained.",
        lambda app, _, node: Drain(node, app.selector), _no_daemons, own_node=True, takes_s=30,
    ),
    OwnPath(
        "taint", "C8", "The node of a pod gets a NoExecute taint, which asks no budget.",
        lambda app, _, node: Taint(node, app.selector), _no_daemons, own_node=True, takes_s=30,
    ),
    OwnPath(
        "kill", "B8", "A container of a pod is killed; the kubelet restarts it.",
        lambda app, _, node: Kill(node, app.selector), _no_daemons, own_node=True,
    ),
    OwnPath(
        "hang", "B5", "A container of a pod hangs, until its liveness probe has it restarted.",
        lambda app, _, node: Hang(node, app.selector, _alive(app)[0]), _probed, own_node=True, takes_s=35,
    ),
    OwnPath(
        "node-down", "C13", "The node of a pod dies; for up to a minute nobody knows.",
        lambda app, _, node: NodeDown(node, app.selector, "crash", tolerated_s(app)), _no_daemons, _long_tolerated,
        own_node=True, takes_s=100,
    ),
    OwnPath(
        "preempt", "C7", "A pod has to make room for one of higher priority.",
        lambda app, _, __: Preempt(app.selector, image=IMAGE), _no_daemons, room=True, alone="preemption",
    ),
    OwnPath(
        "handover", "D1", "The leader's pod is deleted.",
        lambda app, _, __: Handover(app.spec.lease, app.selector), _led, leader=True, takes_s=35, attaches=True,
    ),
)  # fmt: skip
