"""Requests in columns: what a prober measured, a million rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.records import Outcome, RequestBatch

NONE_NS = -1
OUTCOMES: tuple[Outcome, ...] = ("ok", "failed", "unknown")


class Request(NamedTuple):
    """One request. Moments are nanoseconds since the epoch; first_byte_ns is NONE_NS if no byte came."""

    scheduled_ns: int
    sent_ns: int
    first_byte_ns: int
    end_ns: int
    outcome: Outcome
    phase: str
    error: str
    status: int
    pod: str
    connection: str
    use: int


@dataclass(frozen=True, slots=True)
class Requests:
    """The rows of one prober by scheduled time; each array has the shape (n,). Strings are kept as lists."""

    probe: str
    scheduled_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    first_byte_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    outcome: NDArray[np.int8]
    phase: list[str]
    error: list[str]
    status: NDArray[np.int16]
    pod: list[str]
    connection: list[str]
    use: NDArray[np.int32]

    @classmethod
    def from_batches(cls, probe: str, batches: Sequence[RequestBatch], since_ns: int = 0) -> "Requests":
        """Join the rows due from `since_ns` on (see `RequestBatch` for a row); a batch that came twice counts once."""
        unique = {batch.seq: batch for batch in batches}
        rows = sorted(
            (row for batch in unique.values() for row in batch.rows if row[0] >= since_ns), key=lambda row: row[0]
        )
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(Request._fields)
        names: dict[str, str] = {}
        scheduled = np.array(columns[0], dtype=np.int64)
        first = np.array([NONE_NS if v is None else v for v in columns[2]], dtype=np.int64)
        return cls(
            probe=probe,
            scheduled_ns=scheduled,
            sent_ns=scheduled + np.array(columns[1], dtype=np.int64),
            first_byte_ns=np.where(first == NONE_NS, NONE_NS, scheduled + first),
            end_ns=scheduled + np.array(columns[3], dtype=np.int64),
            outcome=np.array([OUTCOMES.index(v) for v in columns[4]], dtype=np.int8),
            phase=[names.setdefault(v, v) for v in columns[5]],
            error=[names.setdefault(v, v) for v in columns[6]],
            status=np.array(columns[7], dtype=np.int16),
            pod=[names.setdefault(v, v) for v in columns[8]],
            connection=list(columns[9]),
            use=np.array(columns[10], dtype=np.int32),
        )

    def between(self, begin_ns: int, end_ns: int) -> "Requests":
        """The rows that were due from `begin_ns` on and before `end_ns`."""
        low, high = np.searchsorted(self.scheduled_ns, (begin_ns, end_ns))
        rows = slice(int(low), int(high))
        columns = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name != "probe"}
        return Requests(self.probe, **columns)

    def __len__(self) -> int:
        return len(self.scheduled_ns)

    def __iter__(self) -> Iterator[Request]:
        return (self[index] for index in range(len(self)))

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which rows were answered as they should; shape (n,)."""
        rows: NDArray[np.bool_] = self.outcome == OUTCOMES.index("ok")
        return rows

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows failed; shape (n,). Unknown rows are neither ok nor failed."""
        rows: NDArray[np.bool_] = self.outcome == OUTCOMES.index("failed")
        return rows

    def __getitem__(self, index: int) -> Request:
        return Request(
            int(self.scheduled_ns[index]), int(self.sent_ns[index]), int(self.first_byte_ns[index]),
            int(self.end_ns[index]), OUTCOMES[self.outcome[index]], self.phase[index], self.error[index],
            int(self.status[index]), self.pod[index], self.connection[index], int(self.use[index]),
        )  # fmt: skip
