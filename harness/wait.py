"""Waiting: every wait has a deadline and, at its end, says what it last saw."""

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import WaitTimeout

T = TypeVar("T")


def until(
    condition: Callable[[], T | None],
    what: str,
    timeout_s: float,
    every_s: float = 0.1,
    last: Callable[[], object] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Ask `condition` until it gives something other than None or False, and return that.

    It is asked at least once, and once more at the deadline. `last` tells, for the error, what was last seen.
    Raises WaitTimeout, naming `what`.
    """
    deadline = clock() + timeout_s
    while True:
        left_s = deadline - clock()
        met = condition()
        if met is not None and met is not False:
            return met
        if left_s <= 0:
            seen = f"; last seen: {last()}" if last is not None else ""
            raise WaitTimeout(f"waited {timeout_s:g} s for {what}{seen}")
        sleep(min(every_s, left_s))
