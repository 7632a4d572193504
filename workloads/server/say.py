"""Lines on standard output: what the process says of itself, in the shape that the harness's records have."""

import json
import os
import sys
import time

SHIFT = "SURVIVE_CLOCK_SHIFT_MS"
"""An environment variable: how far ahead the clock is to be, as that of a node is which is set wrongly."""

_wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns() + round(float(os.environ.get(SHIFT, "0")) * 1_000_000)


def now_ns() -> int:
    """The present moment, ns since the epoch: the wall time of the process's start plus the monotonic time since."""
    return _wall_minus_monotonic_ns + time.monotonic_ns()


def tell(kind: str, **values: object) -> None:
    """Write one line."""
    line = json.dumps({"kind": kind, "t_ns": now_ns(), **values}, separators=(",", ":"))
    os.write(sys.stdout.fileno(), line.encode() + b"\n")


def say(event: str, **data: object) -> None:
    """Write one event of the app's life."""
    tell("app", event=event, data=data)
