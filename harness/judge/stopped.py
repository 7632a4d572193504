"""What a history tells of the containers of the pods that were acted on: their signals, hooks and ends."""

import itertools
from dataclasses import dataclass

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.lives import PodLife, lives
from harness.proof import events
from harness.records import Act, AppSaid

MANY = 10
"""Lines that a process must have said for its silence to tell that it ended."""

TOLD = ("signal", "noted")


@dataclass(frozen=True, slots=True)
class Bracket:
    """A moment that lies somewhere from low_s to high_s."""

    low_s: float
    high_s: float

    def within(self, at_least_s: float, at_most_s: float) -> bool | None:
        """Whether it lies within limits; None if that cannot be told."""
        if at_least_s <= self.low_s and self.high_s <= at_most_s:
            return True
        return None if self.low_s <= at_most_s and self.high_s >= at_least_s else False

    def __str__(self) -> str:
        if self.high_s - self.low_s < 0.001:
            return f"{self.low_s:.2f} s"
        return f"{self.low_s:.2f} to {self.high_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Stopped:
    """One container of a pod that was acted on; `begun_ns` is when the kubelet began to stop the pod, if it did."""

    life: PodLife
    container: str
    acted_ns: int
    begun_ns: int | None

    def said(self, *events: str) -> list[AppSaid]:
        """What its process said after the first act, of these events or of any."""
        return [
            one
            for one in self.life.said
            if one.container == self.container and one.t_ns >= self.acted_ns and (not events or one.event in events)
        ]

    def since_s(self, t_ns: int) -> float:
        """Seconds since the stop began, or since the act where nothing was stopped."""
        return seconds(t_ns - (self.acted_ns if self.begun_ns is None else self.begun_ns))

    def at(self, t_ns: int) -> Bracket:
        """A moment that is known."""
        return Bracket(self.since_s(t_ns), self.since_s(t_ns))

    def hears(self, signal: str) -> bool:
        """Whether its process said at its start that it hears this signal."""
        started = [one for one in self.life.said if one.container == self.container and one.event == "started"]
        return bool(started) and all(signal in one.data.get("hears", ()) for one in started)

    def signalled_ns(self, signal: str) -> int | None:
        """When it first got this signal."""
        return next((one.t_ns for one in self.said(*TOLD) if one.data.get("signal") == signal), None)

    def end(self) -> Bracket | None:
        """When its first run after the act ended.

        A process that exits tells. One that is killed ended after its last line, within the whole second that its
        status tells; where the pod's object went before, after no longer a silence than it had kept before.
        """
        if exits := self.said("exit"):
            return self.at(exits[0].t_ns)
        lines = [self.acted_ns, *(one.t_ns for one in self.said())]
        last_ns = lines[-1]
        found = [end for end in self.life.exits(self.container) if end.seen_ns >= self.acted_ns]
        if found and found[0].finished_ns is not None:
            finished_ns = found[0].finished_ns
            high_ns = min(finished_ns + NS_PER_S, found[0].seen_ns)
            return Bracket(self.since_s(max(last_ns, finished_ns)), self.since_s(max(high_ns, last_ns)))
        if len(lines) < MANY or self.life.gone_ns is None:
            return None
        silence_ns = max(after - before for before, after in itertools.pairwise(lines))
        return Bracket(self.since_s(last_ns), self.since_s(last_ns + silence_ns))


def stopped(history: History, container: str = "") -> list[Stopped]:
    """The containers of the pods that were acted on, or those of one name, in the order of their pods' statuses."""
    acts = [act for act in history.of(Act) if act.uid and act.status in ("begin", "done")]
    known = lives(history)
    hit = [known[uid] for uid in dict.fromkeys(act.uid for act in acts) if uid in known]
    return [
        Stopped(life, name, acts[0].t_ns, min((one.t_ns for one in events(history, "Killing", life.uid)), default=None))
        for life in hit
        for name in dict.fromkeys(one.name for pod in life.seen for one in pod.containers)
        if container in ("", name)
    ]


def only(history: History) -> Stopped | None:
    """The one container of all; None if there is none, or more."""
    found = stopped(history)
    return found[0] if len(found) == 1 else None
