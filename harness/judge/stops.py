"""How containers stopped: what is expected of their signals, hooks, ends and restarts.

Moments are counted from the kubelet's first event Killing about the pod: from there on its own arithmetic holds. (It
came up to 2.3 s after the request: see docs/discoveries.md.) Those of signals and hooks are the process's own; that of
an end is a bracket, since a process that is killed tells nothing of it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness import results
from harness.clock import seconds
from harness.judge.expectation import Evidence, Expectation, all_hold
from harness.judge.stopped import Bracket, Stopped, stopped

EARLY_S = 0.3
"""The event arrives a moment after the stop began; a process that tells ten times a second that it lives was last heard
up to 0.1 s before its end."""

LATE_S = 1.0
"""For the runtime, and for a node whose processors are busy; the kubelet itself counts in whole seconds."""

STATUS_S = 1.0
"""A status tells the end of a killed process in whole seconds."""

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfContainers(Expectation):
    """An expectation on each container of the pods that were acted on, or on those of one name."""

    container: str = ""

    def _each(
        self, evidence: Evidence, what: str, judge: Callable[[Stopped], tuple[str, bool | None]]
    ) -> results.Expected:
        """What was seen of each container, and whether it holds for all."""
        found = [(one, *judge(one)) for one in stopped(evidence.history, self.container)]
        title = f"{what} ({self.container})" if self.container else what
        seen = ", ".join(f"{one.container} {told}" for one, told, _ in found) or "no container was seen"
        return self.told(title, seen, all_hold(holds for *_, holds in found) if found else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _At(_OfContainers):
    """Something came `at_s` after the stop began, at most `early_s` before and `late_s` after that."""

    at_s: float
    early_s: float = EARLY_S
    late_s: float = LATE_S

    def _at(self, evidence: Evidence, what: str, moment: Callable[[Stopped], Bracket | str]) -> results.Expected:
        """Judge its moment, or say in words why there is none."""

        def judge(one: Stopped) -> tuple[str, bool | None]:
            if one.begun_ns is None:
                return "was not stopped by the kubelet", None
            found = moment(one)
            if isinstance(found, str):
                return found, None if found == UNKNOWN else False
            return str(found), found.within(self.at_s - self.early_s, self.at_s + self.late_s)

        return self._each(
            evidence, f"{what} {self.at_s:g} s (-{self.early_s:g}, +{self.late_s:g}) after the stop began", judge
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StopBegins(_OfContainers):
    """The kubelet began to stop the pod within at_most_s of the request."""

    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""

        def judge(one: Stopped) -> tuple[str, bool | None]:
            if one.begun_ns is None:
                return "was not stopped by the kubelet", None
            after_s = seconds(one.begun_ns - one.acted_ns)
            return f"{after_s:.2f} s", after_s <= self.at_most_s

        return self._each(evidence, f"the kubelet begins within {self.at_most_s:g} s of the request", judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalAt(_At):
    """The container first got `signal` at that time."""

    signal: str = "SIGTERM"

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""

        def moment(one: Stopped) -> Bracket | str:
            t_ns = one.signalled_ns(self.signal)
            if t_ns is None:
                return "none" if one.hears(self.signal) else UNKNOWN
            return one.at(t_ns)

        return self._at(evidence, self.signal, moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSignal(_OfContainers):
    """The container, which would tell of it, never got `signal`."""

    signal: str = "SIGTERM"

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""

        def judge(one: Stopped) -> tuple[str, bool | None]:
            t_ns = one.signalled_ns(self.signal)
            if t_ns is not None:
                return f"at {one.since_s(t_ns):.2f} s", False
            return "none", True if one.hears(self.signal) else None

        return self._each(evidence, f"no {self.signal}", judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAt(_At):
    """The hook of this name told of a step (begin, end), once, at that time."""

    hook: str
    step: str = "begin"

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""

        def moment(one: Stopped) -> Bracket | str:
            told = [
                said for said in one.said("hook") if (said.data["hook"], said.data["step"]) == (self.hook, self.step)
            ]
            return one.at(told[0].t_ns) if len(told) == 1 else f"{len(told)} times"

        return self._at(evidence, f"{self.hook} {self.step}s", moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHook(_OfContainers):
    """The hook of this name did not run after the act; where the container told nothing at all, that is not known."""

    hook: str

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""

        def judge(one: Stopped) -> tuple[str, bool | None]:
            told = [said for said in one.said("hook") if said.data["hook"] == self.hook]
            return ("it ran", False) if told else ("none", True if one.said() else None)

        return self._each(evidence, f"no {self.hook}", judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndsAt(_At):
    """The container's process ended at that time, judged by the whole bracket."""

    late_s: float = LATE_S + STATUS_S

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        return self._at(evidence, "ends", lambda one: one.end() or UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneByOne(Expectation):
    """The containers stop in this order, each signalled only once the one before has exited."""

    containers: Sequence[str]
    signal: str = "SIGTERM"

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = {one.container: one for one in stopped(evidence.history)}
        what = f"{self.signal} one by one: {', '.join(self.containers)}"
        if not set(self.containers) <= found.keys():
            return self.told(what, f"seen: {', '.join(found) or 'none'}", None)
        moments = [_signal_and_exit(found[name], self.signal) for name in self.containers]
        seen = ", ".join(
            f"{name} {_text(signal_s)} to {_text(exit_s)}"
            for name, (signal_s, exit_s) in zip(self.containers, moments, strict=True)
        )
        pairs = [(exit_s, next_s) for (_, exit_s), (next_s, _) in itertools.pairwise(moments)]
        holds = [None if exit_s is None or next_s is None else exit_s <= next_s for exit_s, next_s in pairs]
        return self.told(what, seen, all_hold(holds))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff(Expectation):
    """From each exit of the process to its next start: at least these seconds, at most by `jitter` more + `start_s`."""

    delays_s: Sequence[float]
    jitter: float
    start_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"restarts after {', '.join(f'{one:g}' for one in self.delays_s)} s"
        pauses = [pause for one in stopped(evidence.history) for pause in _pauses(one)]
        seen = ", ".join(f"{pause:.2f} s" for pause in pauses) or "no restart"
        if len(pauses) != len(self.delays_s):
            return self.told(what, seen, False if pauses else None)
        limits = zip(pauses, self.delays_s, strict=True)
        return self.told(
            what, seen, all(low <= pause <= low * (1 + self.jitter) + self.start_s for pause, low in limits)
        )


def _pauses(one: Stopped) -> Iterator[float]:
    """The seconds from each exit to the next start."""
    exit_ns: int | None = None
    for said in one.said("exit", "started"):
        if said.event == "exit":
            exit_ns = said.t_ns
        elif exit_ns is not None:
            yield seconds(said.t_ns - exit_ns)
            exit_ns = None


def _signal_and_exit(one: Stopped, signal: str) -> tuple[float | None, float | None]:
    signal_ns, exits = one.signalled_ns(signal), one.said("exit")
    return (
        None if signal_ns is None else one.since_s(signal_ns),
        one.since_s(exits[0].t_ns) if exits else None,
    )


def _text(value_s: float | None) -> str:
    return "not seen" if value_s is None else f"{value_s:.2f} s"
