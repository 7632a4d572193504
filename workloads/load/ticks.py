"""When an open loop's requests are due, alone or as one worker's share."""

from .rows import wall_ns

NS_PER_S = 1_000_000_000


class Ticks:
    """When requests are due: the first moment (monotonic clock), the spacing, and how many at most (0: no end)."""

    __slots__ = ("count", "due_ns", "interval_ns", "scheduled")

    def __init__(self, start_ns: int, interval_ns: int, count: int = 0) -> None:
        self.due_ns = start_ns
        self.interval_ns = interval_ns
        self.count = count
        self.scheduled = 0

    @property
    def over(self) -> bool:
        """Whether all are taken."""
        return bool(self.count) and self.scheduled >= self.count

    def take(self, now_ns: int) -> int | None:
        """The moment at which the next was due; None if it is not due yet."""
        if self.over or self.due_ns > now_ns:
            return None
        due_ns = self.due_ns
        self.due_ns += self.interval_ns
        self.scheduled += 1
        return due_ns


def share(start_ns: int, interval_ns: int, index: int, workers: int, count: int = 0) -> Ticks:
    """The ticks of one worker: every `workers`-th one. Their phase is of wall time, so that workers take turns."""
    spacing_ns = interval_ns * workers
    offset_ns = (index * interval_ns - wall_ns(start_ns)) % spacing_ns if workers > 1 else 0
    return Ticks(start_ns + offset_ns, spacing_ns, count)
