"""Nodes, as a watch of v1 Node gives them, as records."""

from harness.kube import Object
from harness.observe.pods import conditions
from harness.records import NodeSeen


def node_seen(t_ns: int, change: str, node: Object) -> NodeSeen:
    """A node's record; one that was deleted is neither ready nor schedulable."""
    spec, gone = node.get("spec", {}), change == "DELETED"
    found = [] if gone else conditions(node.get("status", {}))
    return NodeSeen(
        t_ns=t_ns,
        name=node["metadata"]["name"],
        ready=any(condition.type == "Ready" and condition.status == "True" for condition in found),
        schedulable=not gone and not spec.get("unschedulable", False),
        taints=[_text(taint) for taint in spec.get("taints") or []],
        conditions=found,
        boot_id=node.get("status", {}).get("nodeInfo", {}).get("bootID", ""),
    )


def _text(taint: Object) -> str:
    value = taint.get("value")
    return f"{taint['key']}={value}:{taint['effect']}" if value else f"{taint['key']}:{taint['effect']}"
