"""runc without CAP_SYS_RESOURCE, which `docker run --privileged` asks for and a machine's root may lack.

It is Docker's runtime in place of runc: it takes the capability out of what a container, or a command in it, gets.
"""

import itertools
import json
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

MISSING = "CAP_SYS_RESOURCE"
NUMBER = 24
"""Its bit, from linux/capability.h."""


def is_missing(status: str) -> bool:
    """Whether a process with this text in /proc/PID/status may not have it."""
    bounds = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounds, 16) >> NUMBER & 1


def specs(arguments: Sequence[str]) -> list[pathlib.Path]:
    """The files that say what runc is to start: a bundle's, or that of one process."""
    found = []
    for option, value in itertools.pairwise(arguments):
        if option in ("--bundle", "-b"):
            found.append(pathlib.Path(value, "config.json"))
        elif option in ("--process", "-p") and "exec" in arguments:
            found.append(pathlib.Path(value))
    return found


def without(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification, of a container or of one process, without the capability."""
    process = spec.get("process", spec)
    if sets := process.get("capabilities"):
        process["capabilities"] = {name: [one for one in given if one != MISSING] for name, given in sets.items()}
    return spec


def main(arguments: Sequence[str]) -> None:
    for file in specs(arguments):
        file.write_text(json.dumps(without(json.loads(file.read_text()))))
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
