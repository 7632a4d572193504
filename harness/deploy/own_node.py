"""A node that is added for one row alone, and how an app is placed on it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.deploy.app import App
from harness.deploy.namespace import PREFIX
from harness.kube import Kube
from harness.manifests import Manifest, merged, pod_spec

ROW = "survive.dev/row"
_LONGEST = 40
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class OwnNode:
    """Its name; a label by which apps choose it, and a taint that keeps all others away, both with the row's `mark`."""

    name: str
    mark: str

    @classmethod
    def of(cls, row: str) -> "OwnNode":
        """A fresh name for a row's node."""
        mark = f"{row[:_LONGEST]}-{secrets.token_hex(2)}"
        return cls(mark, mark)

    @property
    def labels(self) -> dict[str, str]:
        """The node's label."""
        return {ROW: self.mark}

    @property
    def taint(self) -> str:
        """The node's taint."""
        return f"{ROW}={self.mark}:NoSchedule"


def placed(
    app: App, node: OwnNode, *, only: bool = False, apart: bool = False, tolerations: Sequence[Manifest] = ()
) -> App:
    """A copy of the app whose pods all go to the node while it takes any, and elsewhere later.

    `only`: they run nowhere else. `apart`: no two on one node, so that the first goes there and the others elsewhere.
    `tolerations` are further ones.
    """
    own = {"key": ROW, "operator": "Equal", "value": node.mark, "effect": "NoSchedule"}
    spec = {
        "tolerations": [own, *tolerations],
        "affinity": _affinity(node, app.selector, only, apart),
        "topologySpreadConstraints": None,
    }
    change = {"spec": {"template": {"spec": spec}}}
    return replace(app, manifests=[merged(one, change) if _is(one, app) else one for one in app.manifests])


def spread_on(app: App, node: OwnNode) -> App:
    """A copy of the app whose first pod goes to the node and the others elsewhere while there is room, as they would
    be spread. What the app says of its own places is replaced, what it tolerates is kept.
    """
    (workload,) = [one for one in app.manifests if _is(one, app)]
    only_one = placed(app, node, apart=True, tolerations=pod_spec(workload).get("tolerations") or [])

    def spread(workload: Manifest) -> Manifest:
        affinity = workload["spec"]["template"]["spec"]["affinity"]
        terms = [{"weight": 100, "podAffinityTerm": one} for one in affinity["podAntiAffinity"][_REQUIRED]]
        softer = {"affinity": {"podAntiAffinity": {_REQUIRED: None, _PREFERRED: terms}}}
        return merged(workload, {"spec": {"template": {"spec": softer}}})

    return replace(app, manifests=[spread(one) if _is(one, app) else one for one in only_one.manifests])


def _is(manifest: Manifest, app: App) -> bool:
    """Whether it is the app's workload; a user's manifests may have several of a kind."""
    return (manifest["kind"], manifest["metadata"]["name"]) == (app.kind, app.name)


def _affinity(node: OwnNode, selector: dict[str, str], only: bool, apart: bool) -> Manifest:
    there = {"matchExpressions": [{"key": ROW, "operator": "In", "values": [node.mark]}]}
    near = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": selector}}
    if only:
        return {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": [there]}}}
    prefer_node = {"nodeAffinity": {_PREFERRED: [{"weight": 100, "preference": there}]}}
    if apart:
        return {**prefer_node, "podAntiAffinity": {_REQUIRED: [near]}}
    # By itself the node's preference weighs no more than the scheduler's own wish to spread the pods of a Service.
    return {**prefer_node, "podAffinity": {_PREFERRED: [{"weight": 100, "podAffinityTerm": near}]}}


def take_pods_off(kube: Kube, node: str) -> None:
    """Take our pods of a node off the API by force: nobody will be there to tell of their end."""
    for pod in kube.list("v1", "Pod", fields=f"spec.nodeName={node}"):
        meta = pod["metadata"]
        if not meta["namespace"].startswith(PREFIX):
            continue  # one of the cluster's own, on a node that stays
        kube.delete_pod(meta["name"], meta["namespace"], grace_s=0, uid=meta["uid"])
