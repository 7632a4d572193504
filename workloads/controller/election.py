"""Leader election as client-go does it (k8s.io/client-go v0.37.2, tools/leaderelection/leaderelection.go), without I/O.

The clock, the randomness and the lease store are given, so that a simulation can run it. `acquire` and `hold` are
generators of waits: the caller sleeps as long as each says and goes on, or leaves them to stop.
"""

import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Protocol

JITTER_FACTOR = 1.2


class StoreError(Exception):
    """The lease could not be read or written; whether a write took place is not known."""


class ConflictError(StoreError):
    """Someone else wrote the lease since it was last read; nothing was written."""


@dataclasses.dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says. acquire_ns and renew_ns are the holder's wall clock, ns since the epoch."""

    holder: str = ""
    duration_s: int = 0
    transitions: int = 0
    acquire_ns: int = 0
    renew_ns: int = 0


class LeaseStore(Protocol):
    """One Lease, written by compare-and-swap against what this store read or wrote last."""

    def get(self, timeout_s: float) -> LeaseRecord | None:
        """The lease; None if there is none. Raises StoreError."""

    def create(self, record: LeaseRecord, timeout_s: float) -> None:
        """Make the lease. Raises StoreError, ConflictError if there is one."""

    def update(self, record: LeaseRecord, timeout_s: float) -> None:
        """Write the lease. Raises StoreError, ConflictError if it changed since it was last read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """client-go's three durations, seconds, with its defaults. Raises ValueError where client-go refuses them."""

    lease_s: float = 15.0
    renew_s: float = 10.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if self.lease_s <= self.renew_s:
            raise ValueError("the lease must last longer than the renew deadline")
        if self.renew_s <= JITTER_FACTOR * self.retry_s:
            raise ValueError("the renew deadline must be longer than 1.2 times the retry period")
        if self.retry_s <= 0 or int(self.lease_s) < 1:
            raise ValueError("the retry period must be above 0 and the lease at least 1 s")

    @property
    def request_s(self) -> float:
        """The time-out of one request to the API, half the renew deadline and at least a second."""
        return max(1.0, self.renew_s / 2)


class Election:
    """One candidate. `clock` is monotonic seconds, `wall_ns` nanoseconds since the epoch."""

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        timing: Timing,
        *,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.identity = identity
        self.last_error = ""
        self._store = store
        self._timing = timing
        self._clock = clock
        self._wall_ns = wall_ns
        self._draw = draw
        self._observed = LeaseRecord()
        self._observed_s = 0.0
        self._observed_raw = LeaseRecord()
        self._renewed_s = 0.0

    @property
    def leads(self) -> bool:
        """Whether the last observed holder is this candidate."""
        return self._observed.holder == self.identity

    @property
    def holder(self) -> str:
        """The last observed holder."""
        return self._observed.holder

    @property
    def term(self) -> int:
        """The lease's transitions as last observed."""
        return self._observed.transitions

    @property
    def valid(self) -> bool:
        """Whether the observed lease still runs, by this candidate's own clock since it saw the record change."""
        return self._observed_s + self._observed.duration_s > self._clock()

    @property
    def may_work(self) -> bool:
        """Whether it leads and began its last renewal less than the renew deadline ago, by its own clock.

        Nobody else can have taken the lease by then: that takes the longer duration of the lease, from later on.
        """
        return self.leads and self._clock() < self._renewed_s + self._timing.renew_s

    def acquire(self) -> Iterator[float]:
        """Waits, in seconds, between tries for the lease; ends once it is held."""
        while not self.try_acquire_or_renew():
            yield self._timing.retry_s * (1 + JITTER_FACTOR * self._draw())

    def hold(self) -> Iterator[float]:
        """Waits between renewals; ends when none succeeded within the renew deadline: the lease is lost."""
        while True:
            start_s = self._clock()
            deadline_s = start_s + self._timing.renew_s
            tick = 0
            while not self.try_acquire_or_renew(deadline_s):
                # A ticker that keeps at most one missed tick, as Go's does.
                passed = int((self._clock() - start_s) / self._timing.retry_s)
                tick = passed if passed > tick else tick + 1
                next_s = start_s + tick * self._timing.retry_s
                yield max(0.0, min(next_s, deadline_s) - self._clock())
                if self._clock() >= deadline_s:
                    return
            yield self._timing.retry_s

    def try_acquire_or_renew(self, deadline_s: float | None = None) -> bool:
        """One try, as client-go's tryAcquireOrRenew: True if the lease is held after it."""
        try:
            return self._try(deadline_s)
        except StoreError as exc:
            self.last_error = str(exc)
            return False

    def _try(self, deadline_s: float | None) -> bool:
        begun_s, now_ns = self._clock(), self._wall_ns()
        wanted = LeaseRecord(self.identity, int(self._timing.lease_s), 0, now_ns, now_ns)
        if self.leads and self.valid and self._renew_fast(wanted, deadline_s):
            return True
        found = self._store.get(self._left_s(deadline_s))
        if found is None:
            self._store.create(wanted, self._left_s(deadline_s))
            self._renewed(wanted, begun_s)
            return True
        if found != self._observed_raw:
            self._observe(found)
            self._observed_raw = found
        if found.holder and self.valid and not self.leads:
            return False
        if self.leads:
            wanted = dataclasses.replace(wanted, acquire_ns=found.acquire_ns, transitions=found.transitions)
        else:
            wanted = dataclasses.replace(wanted, transitions=found.transitions + 1)
        begun_s = self._clock()
        self._store.update(wanted, self._left_s(deadline_s))
        self._renewed(wanted, begun_s)
        return True

    def _renew_fast(self, wanted: LeaseRecord, deadline_s: float | None) -> bool:
        """Write without reading first, as the holder may; a failure leads to the slow path."""
        seen, begun_s = self._observed, self._clock()
        wanted = dataclasses.replace(wanted, acquire_ns=seen.acquire_ns, transitions=seen.transitions)
        try:
            self._store.update(wanted, self._left_s(deadline_s))
        except StoreError as exc:
            self.last_error = str(exc)
            return False
        self._renewed(wanted, begun_s)
        return True

    def release(self) -> bool:
        """Give the lease up: no holder, one second long. True if this candidate does not hold it after."""
        deadline_s = self._clock() + self._timing.renew_s
        while True:
            try:
                return self._try_release(deadline_s)
            except ConflictError as exc:  # a renewal of ours was under way: read again
                self.last_error = str(exc)
            except StoreError as exc:
                self.last_error = str(exc)
                return False

    def _try_release(self, deadline_s: float) -> bool:
        found = self._store.get(self._left_s(deadline_s))
        if found is None:
            return False
        # By the last observed record, not by `found`: so does client-go.
        if not self.leads:
            return True
        now_ns = self._wall_ns()
        empty = LeaseRecord("", 1, found.transitions, now_ns, now_ns)
        self._store.update(empty, self._left_s(deadline_s))
        self._observe(empty)
        return True

    def _renewed(self, record: LeaseRecord, begun_s: float) -> None:
        self._observe(record)
        self._renewed_s = begun_s

    def _observe(self, record: LeaseRecord) -> None:
        self._observed = record
        self._observed_s = self._clock()

    def _left_s(self, deadline_s: float | None) -> float:
        """The time-out of the next request. Raises StoreError if the deadline has passed."""
        if deadline_s is None:
            return self._timing.request_s
        left_s = min(self._timing.request_s, deadline_s - self._clock())
        if left_s <= 0:
            raise StoreError("the renew deadline has passed")
        return left_s
