"""What an expectation is: the evidence it looks at, and how two are joined."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness import results
from harness.history import History


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that expectations may look at; `traffic`, `kept` and `streams` by the prober's name."""

    history: History
    traffic: dict[str, results.Traffic] = field(default_factory=dict)
    failover: results.Failover | None = None
    noise: results.Noise = field(default_factory=results.Noise)
    timings: dict[str, float] = field(default_factory=dict)
    kept: dict[str, results.Kept] = field(default_factory=dict)
    streams: dict[str, results.Streams] = field(default_factory=dict)
    in_flight: results.InFlight | None = None
    each_pod: list[results.PodAnswers] = field(default_factory=list)


def all_hold(values: Iterable[bool | None]) -> bool | None:
    """True if all are, False if any is, None if that cannot be told."""
    found = list(values)
    return False if False in found else None if None in found else True


def any_holds(values: Iterable[bool | None]) -> bool | None:
    """True if any is, False if none is, None if that cannot be told."""
    found = list(values)
    return True if True in found else None if None in found else False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The base of all expectations."""

    reason: str = ""

    @property
    def of_traffic(self) -> bool:
        """Whether it judges what probers measured, and so needs to know how quiet the machine was."""
        return False

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        raise NotImplementedError

    def __and__(self, other: "Expectation") -> "Expectation":
        return Both(self, other)

    def __or__(self, other: "Expectation") -> "Expectation":
        return Either(self, other)

    def told(self, what: str, seen: str, holds: bool | None) -> results.Expected:
        """The answer, with this expectation's reason."""
        return results.Expected(what=what, seen=seen, holds=holds, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Both(Expectation):
    """Both must hold."""

    first: Expectation
    second: Expectation

    @property
    def of_traffic(self) -> bool:
        """Whether one of the two is."""
        return self.first.of_traffic or self.second.of_traffic

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge both."""
        return _joined(self.first(evidence), self.second(evidence), "and", all_hold)


@dataclass(frozen=True, slots=True)
class Either(Expectation):
    """One at least must hold."""

    first: Expectation
    second: Expectation

    @property
    def of_traffic(self) -> bool:
        """Whether one of the two is."""
        return self.first.of_traffic or self.second.of_traffic

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge both."""
        return _joined(self.first(evidence), self.second(evidence), "or", any_holds)


def _joined(
    a: results.Expected, b: results.Expected, word: str, holds: Callable[[Iterable[bool | None]], bool | None]
) -> results.Expected:
    reason = "; ".join(dict.fromkeys(one.reason for one in (a, b) if one.reason))
    return results.Expected(
        what=f"{a.what} {word} {b.what}", seen=f"{a.seen}; {b.seen}", holds=holds((a.holds, b.holds)), reason=reason
    )
