"""What a calibration injects: which faults, how many outages of each, how long and when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

SPACING_MS = 10.0
SHORTEST_MS, LONGEST_MS = 20.0, 2000.0
FIRST_MS = 2500.0
"""Before this nothing is injected: processes start."""

ONE_OF = 2
ONE_OF_SHORTEST_MS = 100.0
"""Ten requests, of which one in two meets the trouble: none does with a chance of 0.1 %."""

STALL = "stall"
STALL_SHORTEST_MS = 100.0
"""Shorter ones may be told from requests that are late for another reason on a quiet machine only."""

FAULTS = ("refuse", "rst", "fin", "503", STALL, "truncated")
"""What the fault server does by itself to every request; more kinds below."""

ON_CLUSTER = ("refuse", "rst", "fin", "503", "truncated")
"""In turn by one pod. No stalls: what is late there may be so for many reasons."""

DROPPED_SYN = "dropped SYN"
GOAWAY = "GOAWAY"
ONE_OF_K = f"one of {ONE_OF}"


@dataclass(frozen=True, slots=True)
class Span:
    """One outage: when it begins, counted from the fault server's start, and its length; milliseconds."""

    fault: str
    start_ms: float
    length_ms: float

    @property
    def end_ms(self) -> float:
        """When it ends."""
        return self.start_ms + self.length_ms


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a calibration does. `full` says whether its figures are held to all targets, or only some."""

    outages: int
    longest_ms: float
    on_cluster: int
    full: bool

    @classmethod
    def of(cls, quick: bool) -> "Effort":
        """The full one takes some minutes, the quick one half of one."""
        return cls(4, 200.0, 6, full=False) if quick else cls(40, LONGEST_MS, 40, full=True)


def shortest_ms(fault: str) -> float:
    """The shortest outage that is injected of this kind."""
    return {STALL: STALL_SHORTEST_MS, ONE_OF_K: ONE_OF_SHORTEST_MS}.get(fault, SHORTEST_MS)


def spans(
    chance: random.Random, faults: Sequence[str], count: int, longest_ms: float, first_ms: float = FIRST_MS
) -> list[Span]:
    """`count` outages, the faults in turn, their lengths log-uniform, 0.8 to 1.3 s of good time before and between.

    The good time is what parts outages for the judge: more than 50 good requests. That it varies makes the phase
    between an outage and the requests random.
    """
    made: list[Span] = []
    at_ms = first_ms
    for number in range(count):
        fault = faults[number % len(faults)]
        shortest = shortest_ms(fault)
        at_ms += chance.uniform(800, 1300)
        length_ms = shortest * max(longest_ms / shortest, 2) ** chance.random()
        made.append(Span(fault, at_ms, length_ms))
        at_ms += length_ms
    return made
