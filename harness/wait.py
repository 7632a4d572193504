"""Waiting: every wait has a deadline and, at its end, says what it last saw."""

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from harness.errors import WaitTimeout

T = TypeVar("T")

Teller = Callable[[str, float], None]
"""Is told what is waited for, and for how many seconds at most; an empty text ends it."""

_TELLER: contextvars.ContextVar[Teller | None] = contextvars.ContextVar("teller", default=None)

WORTH_TELLING_S = 1.0


@contextlib.contextmanager
def telling(teller: Teller) -> Iterator[None]:
    """Tell of every wait of this thread meanwhile."""
    token = _TELLER.set(teller)
    try:
        yield
    finally:
        _TELLER.reset(token)


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
    teller = _TELLER.get() if timeout_s >= WORTH_TELLING_S else None
    if teller:
        teller(what, timeout_s)
    while True:
        left_s = deadline - clock()
        met = condition()
        if met is not None and met is not False:
            if teller:
                teller("", 0)
            return met
        if left_s <= 0:
            seen = f"; last seen: {last()}" if last is not None else ""
            raise WaitTimeout(f"waited {timeout_s:g} s for {what}{seen}")
        sleep(min(every_s, left_s))
