"""`survive schema`: the JSON schema of `*.survive.yaml`, for editors."""

import argparse
from typing import Any

from harness.spec import schema


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser("schema", help="print the JSON schema of *.survive.yaml, for editors")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print it."""
    print(schema.FILE.read_text(encoding="utf-8"), end="")
    return 0
