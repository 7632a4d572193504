"""A made server that knows the truth: spans in which it is down, down in part, or stalled; requests that meet them.

It is the model that the judge's outages are held against: it never looks at how they are computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import histories as made
import numpy as np

from harness.requests import Requests

Kind = Literal["refuse", "cut", "hang", "freeze", "partial", "stall"]
PROMPT_S = 0.002
"""The longest way of a request to the server, and of an answer back, if nothing else is said."""


@dataclass(frozen=True)
class Span:
    """The trouble in [start_s, end_s).

    refuse: those that arrive are refused. cut: so are they, and what is in work is reset at its start. hang: those
    that arrive are never answered. freeze: nor are those in work at its start. partial: those that come to backend 0
    of `backends` are refused. stall: all that arrive are answered at its end, in any order.
    """

    kind: Kind
    start_s: float
    end_s: float
    backends: int = 2

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Server:
    """A server with `backends` pods; a request takes from half to one and a half of `work_s` there."""

    spans: Sequence[Span]
    backends: int = 1
    work_s: float = 0.001
    way_s: float = PROMPT_S

    def asked(
        self, seed: int, total_s: float, *, spacing_s: float = 0.01, deadline_s: float = 1.0, probers: int = 1
    ) -> Requests:
        """The rows of `probers` staggered open loops with random phase, lag and ways."""
        rng = np.random.default_rng(seed)
        step = spacing_s / probers
        due = np.arange(rng.uniform(0, step), total_s, step)
        rows = []
        for due_s in due:
            sent = due_s + rng.exponential(0.0002)
            ways, backend = rng.uniform(0, self.way_s, 2), int(rng.integers(self.backends))
            rows.append(self._row(due_s, sent, sent + ways[0], ways[1], backend, deadline_s, rng))
        return made.requests(rows)

    def _row(self, due, sent, arrive, back, backend, deadline_s, rng):
        end, error = self._answer(arrive, backend, rng)
        end = sent + deadline_s if end is None or end + back > sent + deadline_s else end + back
        error = error if end < sent + deadline_s else "timeout"
        row = made.row(due, took_ms=(end - sent) * 1e3, error=error, lag_ms=(sent - due) * 1e3)
        row[8] = "" if error else f"pod-{backend}"
        return row

    def _answer(self, arrive, backend, rng):
        """When the answer leaves (None: never) and its error."""
        finish = arrive + self.work_s * rng.uniform(0.5, 1.5)
        for span in self.spans:
            inside = span.start_s <= arrive < span.end_s
            in_work = arrive < span.start_s <= finish
            if span.kind == "partial":
                if inside and backend == 0:
                    return arrive, "refused"
            elif span.kind == "stall":
                if inside or in_work:
                    return span.end_s + self.work_s + rng.uniform(0, 0.004), ""
            elif inside:
                return (None, "timeout") if span.kind in ("hang", "freeze") else (arrive, "refused")
            elif in_work and span.kind == "cut":
                return span.start_s, "reset"
            elif in_work and span.kind == "freeze":
                return None, "timeout"
        return finish, ""
