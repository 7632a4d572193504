"""Taints and labels of a node, changed so that nobody else's change is lost."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from harness.errors import KubeError
from harness.kube import Kube, Object
from harness.wait import until

CONFLICT: Final = 409
CHANGE_S: Final = 10.0

Taint = Mapping[str, str]


def taint(text: str) -> dict[str, str]:
    """From key=value:Effect or key:Effect."""
    named, _, effect = text.rpartition(":")
    key, sign, value = named.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if sign else {})}


def kept_off(node: Object) -> str:
    """What keeps ordinary pods off a node; empty if nothing does."""
    conditions = node.get("status", {}).get("conditions") or []
    if not any((one["type"], one["status"]) == ("Ready", "True") for one in conditions):
        return "not Ready"
    if node["spec"].get("unschedulable"):
        return "cordoned"
    taints = [one for one in node["spec"].get("taints") or [] if one["effect"] != "PreferNoSchedule"]
    return ", ".join(f"taint {one['key']}:{one['effect']}" for one in taints)


def mark(
    kube: Kube,
    node: str,
    taints: Sequence[Taint],
    keys: Collection[str],
    labels: Mapping[str, str | None] | None = None,
) -> None:
    """Leave a node with these taints, all of others' but for those of `keys`, and with these labels (None: without)."""

    def changed() -> bool:
        found = kube.get("v1", "Node", node)
        others = [one for one in found["spec"].get("taints") or [] if one["key"] not in keys]
        meta: dict[str, Any] = {"resourceVersion": found["metadata"]["resourceVersion"], "labels": dict(labels or {})}
        try:
            kube.patch("v1", "Node", node, "", {"metadata": meta, "spec": {"taints": [*others, *taints]}})
        except KubeError as exc:
            if exc.status != CONFLICT:
                raise
            return False
        return True

    until(changed, f"a change of the taints of node {node} that no other crosses", CHANGE_S)
