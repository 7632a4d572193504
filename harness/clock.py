"""Time: monotonic durations with one anchor to wall time.

Every moment in a history is `t_ns`: nanoseconds since the Unix epoch, computed as the wall time at the
anchor plus the monotonic time since. A step of the wall clock during a run therefore moves nothing.
"""

import time
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """A pair of readings that ties the monotonic clock to wall time. Unit: nanoseconds."""

    wall_ns: int
    monotonic_ns: int

    @classmethod
    def now(cls) -> "Anchor":
        """Read both clocks; of five tries the one with the least time between the readings is kept."""
        best: tuple[int, Anchor] | None = None
        for _ in range(5):
            before = time.monotonic_ns()
            wall = time.time_ns()
            after = time.monotonic_ns()
            if best is None or after - before < best[0]:
                best = (after - before, cls(wall, (before + after) // 2))
        assert best is not None
        return best[1]

    def t_ns(self) -> int:
        """The present moment, in nanoseconds since the epoch."""
        return self.wall_ns + time.monotonic_ns() - self.monotonic_ns


_anchor = Anchor.now()


def now_ns() -> int:
    """The present moment on this process's one anchor, in nanoseconds since the epoch."""
    return _anchor.t_ns()


def stepped_ns() -> int:
    """How far the wall clock was set since the anchor: what a process that starts now would be ahead by."""
    fresh = Anchor.now()
    return fresh.wall_ns - _anchor.wall_ns - (fresh.monotonic_ns - _anchor.monotonic_ns)


def seconds(duration_ns: int | float) -> float:
    """A duration in nanoseconds as seconds."""
    return duration_ns / NS_PER_S
