"""Clocks: how far each node's is ahead of the harness's, and what pods say put right by it.

Where nodes share the harness's clock nothing is done. Elsewhere each node's offset was measured before and after a
scenario (`ClockSeen`), and lay within the hull of these brackets unless the clock was set back and forth between them.
What a pod tells is moved by the hull's middle; half its width is the error that stays.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.records import (
    AppSaid,
    Beats,
    ClockSeen,
    LeaseSeen,
    PodSeen,
    ProbeEnded,
    ProbeStarted,
    Record,
    RequestBatch,
    Task,
    Work,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offset:
    """A node's clock minus the harness's lies within error_ns of offset_ns."""

    offset_ns: int
    error_ns: int


def offsets(records: Iterable[Record]) -> dict[str, Offset]:
    """Each node's offset, by all that was measured of it."""
    hulls: dict[str, tuple[int, int]] = {}
    for seen in records:
        if isinstance(seen, ClockSeen):
            low, high = seen.offset_ns - seen.error_ns, seen.offset_ns + seen.error_ns
            known = hulls.get(seen.node, (low, high))
            hulls[seen.node] = (min(low, known[0]), max(high, known[1]))
    return {node: Offset((low + high) // 2, (high - low + 1) // 2) for node, (low, high) in hulls.items()}


class Clocks:
    """The offsets of a scenario's nodes, by the pods that spoke from there and by the probers in them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._nodes = offsets(records)
        self._pods: dict[str, str] = {}
        self._probes: dict[str, str] = {}
        if self._nodes:
            self._pods = {one.name: one.node for one in records if isinstance(one, PodSeen) and one.node}
            self._probes = {one.probe: one.pod for one in records if isinstance(one, ProbeStarted)}

    @property
    def shifted(self) -> bool:
        """Whether anything has to be put right."""
        return any(one.offset_ns for one in self._nodes.values())

    def of_node(self, node: str) -> Offset:
        """The offset of a node's clock; none and no error where it was not measured."""
        return self._nodes.get(node, Offset(0, 0))

    def of_pod(self, pod: str) -> Offset:
        """The offset of a pod's clock."""
        return self.of_node(self._pods.get(pod, ""))

    def between_ns(self, pod: str, other: str) -> int:
        """By how much moments that two pods told may be wrongly apart; pods of one node share its clock."""
        if self._pods.get(pod) == self._pods.get(other):
            return 0
        return self.of_pod(pod).error_ns + self.of_pod(other).error_ns

    def of_probe(self, probe: str) -> Offset:
        """The offset of a prober's clock."""
        return self.of_pod(self._probes.get(probe, ""))

    def of_identity(self, identity: str) -> Offset:
        """The offset of the clock of a Lease's holder, whose identity begins with its pod's name."""
        return self.of_pod(next((pod for pod in self._pods if pod and identity.startswith(pod)), ""))


def corrected(records: Sequence[Record]) -> list[Record]:
    """The records with all moments on the harness's clock; done again it changes nothing.

    What is left of a ClockSeen is its error.
    """
    clocks = Clocks(records)
    if not clocks.shifted:
        return list(records)
    holders: dict[str, str] = {}
    return [_moved(record, clocks, holders) for record in records]


def _moved(record: Record, clocks: Clocks, holders: dict[str, str]) -> Record:
    match record:
        case AppSaid() | Work() | Task():
            return dataclasses.replace(record, t_ns=record.t_ns - clocks.of_pod(record.pod).offset_ns)
        case ProbeStarted() | ProbeEnded():
            return dataclasses.replace(record, t_ns=record.t_ns - clocks.of_probe(record.probe).offset_ns)
        case RequestBatch() | Beats():
            by_ns = clocks.of_probe(record.probe).offset_ns
            rows = [[row[0] - by_ns, *row[1:]] for row in record.rows]
            return dataclasses.replace(record, t_ns=record.t_ns - by_ns, rows=rows)
        case LeaseSeen():
            # Who gave it up wrote the times of an empty holder.
            writer = holders[record.name] = record.holder or holders.get(record.name, "")
            by_ns = clocks.of_identity(writer).offset_ns
            return dataclasses.replace(
                record, acquire_ns=_less(record.acquire_ns, by_ns), renew_ns=_less(record.renew_ns, by_ns)
            )
        case ClockSeen():
            known = clocks.of_node(record.node)
            return dataclasses.replace(record, offset_ns=0, error_ns=known.error_ns)
    return record


def _less(moment_ns: int | None, by_ns: int) -> int | None:
    return None if moment_ns is None else moment_ns - by_ns
