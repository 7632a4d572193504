"""`survive kind`: what kind needs where there is no registry and no download: a node image, and kind itself."""

import argparse
from typing import Any

from harness.clusters.kind import node_image, programs
from harness.progress import Progress


def add(commands: Any) -> None:
    """Declare it."""
    text = "build what kind needs without a registry: its node image, kind itself"
    group = commands.add_parser("kind", help=text, description=text)
    actions = group.add_subparsers(required=True, metavar="ACTION")
    for name, run, what in (
        ("image", _image, "build a node image from Debian packages and Go modules; print its file and its name"),
        ("program", _program, "build the program kind from its Go module; print its path"),
    ):
        action = actions.add_parser(name, help=what, description=what)
        action.set_defaults(run=run)


def _image(_: argparse.Namespace) -> int:
    file = node_image.build(Progress())
    print(f"{file}\n{node_image.name()}")
    return 0


def _program(_: argparse.Namespace) -> int:
    print(programs.build("kind", Progress()))
    return 0
