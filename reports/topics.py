"""The matrix's topics, by which a report sums rows up: the letter of a row's id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.results import Result, Verdict
from reports import text

TOPICS = {
    "A": "One container stops",
    "B": "A server behind a Service",
    "C": "Nodes, scheduler, budgets",
    "D": "Controllers with a leader",
    "E": "Workloads",
}
OWN = "own"
"""Rows whose ids are not of the matrix: a user's."""

_ID = re.compile(r"([A-E])[0-9]+")


def topic(result: Result) -> str:
    """The letter of the row's topic, OWN where it is none of the matrix."""
    found = _ID.fullmatch(result.id)
    return found[1] if found else OWN


def name(key: str) -> str:
    """A topic's name."""
    return TOPICS.get(key, "Your own rows")


@dataclass(frozen=True, slots=True)
class Summed:
    """One topic of a run: its rows, and how many have each verdict, the most urgent first."""

    key: str
    name: str
    results: list[Result]
    counts: dict[Verdict, int]


def summed(results: Sequence[Result]) -> list[Summed]:
    """The topics that have rows, in the matrix's order, own ones last."""
    found = []
    for key in (*TOPICS, OWN):
        own = [result for result in results if topic(result) == key]
        if own:
            found.append(Summed(key, name(key), own, text.counts(own)))
    return found
