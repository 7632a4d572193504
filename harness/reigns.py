"""Who led when, by the work that leaders did: stretches of it, and the reigns that they make up."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.records import Work

LEAST_PAUSE_NS = 100_000_000
PAUSE_FACTOR = 5
"""Pieces further apart than this many usual distances, and than LEAST_PAUSE_NS, are two stretches of work."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One leader's unbroken work in one term; `pieces` by their moments, one at least."""

    pieces: list[Work]

    @property
    def first_ns(self) -> int:
        """Its first piece's moment."""
        return self.pieces[0].t_ns

    @property
    def last_ns(self) -> int:
        """Its last piece's moment."""
        return self.pieces[-1].t_ns


@dataclass(frozen=True, slots=True)
class Reign:
    """One leader's work in one term; a leader that comes back in a later term reigns anew."""

    identity: str
    term: int
    pod: str
    stretches: list[Stretch]

    @property
    def first_ns(self) -> int:
        """The moment of its first piece of work."""
        return self.stretches[0].first_ns


def reigns(work: Iterable[Work]) -> list[Reign]:
    """All reigns, in order of their first work."""
    pieces: dict[tuple[str, int], list[Work]] = {}
    for one in work:
        pieces.setdefault((one.identity, one.term), []).append(one)
    found = [Reign(*key, own[0].pod, stretches(own)) for key, own in pieces.items()]
    return sorted(found, key=lambda reign: (reign.first_ns, reign.term))


def stretches(pieces: list[Work]) -> list[Stretch]:
    """One leader's pieces, in order of their moments, parted where it did nothing for long."""
    steps = [b.t_ns - a.t_ns for a, b in itertools.pairwise(pieces)]
    limit = max(LEAST_PAUSE_NS, PAUSE_FACTOR * statistics.median(steps)) if steps else LEAST_PAUSE_NS
    found = [[pieces[0]]]
    for piece, step in zip(pieces[1:], steps, strict=True):
        if step > limit:
            found.append([])
        found[-1].append(piece)
    return [Stretch(part) for part in found]


def together(line: Sequence[Reign]) -> list[tuple[int, int]]:
    """The spans in which two leaders or more were at work, joined where they meet."""
    pairs = (
        (max(a.first_ns, b.first_ns), min(a.last_ns, b.last_ns))
        for one, other in itertools.combinations(line, 2)
        for a, b in itertools.product(one.stretches, other.stretches)
    )
    found: list[tuple[int, int]] = []
    for begin, end in sorted(span for span in pairs if span[0] <= span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
