"""`survive rbac`: the manifest of the rights that a run needs."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from harness import rights

OWN = '.startsWith("survive-")'
"""How the manifest's policy says which namespaces are ours."""


def add(commands: Any) -> None:
    """Declare it."""
    text = "print the rights that a run needs on a cluster of your own, as one manifest for `kubectl apply -f -`"
    command = commands.add_parser("rbac", help=text, description=text)
    command.add_argument(
        "--nodes", action="store_true", help="with the binding for paths that change nodes (--allow-node-disruption)"
    )
    command.add_argument(
        "--attach", action="append", default=[], metavar="NAMESPACE",
        help="let the account restart what runs in this namespace (pytest --attach); may be repeated",
    )  # fmt: skip
    command.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    sys.stdout.write(manifest(nodes=chosen.nodes, attach=chosen.attach))
    return 0


def manifest(*, nodes: bool, attach: Sequence[str] = ()) -> str:
    """The manifest's text; `nodes`: with a binding of the role for nodes; `attach`: namespaces of others let in."""
    text = rights.MANIFEST.read_text()
    if attach:
        named = ", ".join(f'"{name}"' for name in attach)
        more = f'request.resource.resource != "namespaces" && request.namespace in [{named}]'
        text = text.replace(OWN, f"{OWN}\n        || ({more})")
    return f"{text}---\n{yaml.safe_dump(node_binding(), sort_keys=False)}" if nodes else text


def node_binding() -> dict[str, Any]:
    """What binds the role for nodes: as the manifest binds that for paths."""
    (like,) = [
        one
        for one in rights.documents()
        if (one["kind"], one["metadata"]["name"]) == ("ClusterRoleBinding", rights.PATHS)
    ]
    return {**like, "metadata": {"name": rights.NODES}, "roleRef": {**like["roleRef"], "name": rights.NODES}}
