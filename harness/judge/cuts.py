"""Cuts: what was under way when it broke off, and how long after its pod was told to stop."""

from harness.clock import seconds
from harness.history import History
from harness.lives import PodLife, lives
from harness.requests import Request
from harness.results import Cut

CUT = ("reset", "closed", "truncated")
"""The errors of a connection that broke off while it was used."""


class Signals:
    """When each pod was told to stop, by its name."""

    def __init__(self, history: History) -> None:
        self._lives: list[PodLife] = list(lives(history).values())

    def before(self, pod: str, t_ns: int) -> int | None:
        """The last time before a moment at which a pod of this name said that it was told to stop; None if never."""
        said = (said.t_ns for life in self._lives if life.name == pod for said in life.said if said.event == "signal")
        return max((moment for moment in said if moment <= t_ns), default=None)


def cut(request: Request, pod: str, signals: Signals) -> Cut:
    """One request or stream that broke off."""
    signal_ns = signals.before(pod, request.end_ns)
    return Cut(
        pod=pod,
        error=request.error,
        at_ns=request.end_ns,
        age_s=round(seconds(request.end_ns - request.sent_ns), 3),
        after_signal_s=None if signal_ns is None else round(seconds(request.end_ns - signal_ns), 3),
    )
