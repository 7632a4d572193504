"""Expectations: what a row of the matrix says must be seen.

Each is called with the `Evidence` and returns a `results.Expected`; `a & b` and `a | b` join them. `holds` is None
where the evidence does not decide: a bracket straddles the limit, or nothing was measured. `reason` says where a figure
and its tolerance come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import results
from harness.judge.bounds import percent
from harness.judge.expectation import Evidence, Expectation, all_hold, any_holds
from harness.lives import lives
from harness.words import at_most_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfTraffic(Expectation):
    """An expectation on one prober's traffic, or on that of all measuring probers."""

    probe: str = ""

    @property
    def of_traffic(self) -> bool:
        """It is."""
        return True

    def _traffic(self, evidence: Evidence) -> list[results.Traffic]:
        """The traffic to judge; empty if any of it has no requests, since then nothing can be told."""
        found = [one for name, one in evidence.traffic.items() if self.probe in ("", name)]
        return found if all(one.requests for one in found) else []

    def _title(self, what: str) -> str:
        return f"{what} ({self.probe})" if self.probe else what

    def _nothing(self, what: str) -> results.Expected:
        return self.told(self._title(what), "no requests were measured", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate(_OfTraffic):
    """The share of failed requests that was seen is at most `at_most`. Unknown requests count as either."""

    at_most: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"error rate <= {percent(self.at_most)}" if self.at_most else "no errors"
        found = self._traffic(evidence)
        if not found:
            return self._nothing(what)
        best, worst = _rate(found, 0), _rate(found, 1)
        holds = True if worst <= self.at_most else False if best > self.at_most else None
        return self.told(self._title(what), _errors_seen(found), holds)


def NoErrors(probe: str = "", reason: str = "") -> ErrorRate:  # noqa: N802 - reads as the other expectations do
    """No request failed."""
    return ErrorRate(at_most=0.0, probe=probe, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeErrors(_OfTraffic):
    """Requests failed, `at_least` of them: what a bad variant must do."""

    at_least: int = 1

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = "some errors" if self.at_least == 1 else f"at least {self.at_least} errors"
        found = self._traffic(evidence)
        if not found:
            return self._nothing(what)
        errors, unknown = sum(one.errors for one in found), sum(one.unknown for one in found)
        holds = True if errors >= self.at_least else False if errors + unknown < self.at_least else None
        return self.told(self._title(what), _errors_seen(found), holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage(_OfTraffic):
    """The longest outage lasts from `at_least_s` to `at_most_s`, judged by the whole bracket. None sets no limit.

    With unknown requests it cannot be told that there was no longer one.
    """

    at_least_s: float | None = None
    at_most_s: float | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        limits = limits_text(self.at_least_s, self.at_most_s, "s")
        what = self._title(f"outage {limits}" if self.at_most_s != 0 else "no outage")
        found = self._traffic(evidence)
        if not found:
            return self._nothing(what)
        outages = [outage for one in found for outage in one.outages]
        long_enough = self.at_least_s is None or any_holds(_at_least(one, self.at_least_s) for one in outages)
        short_enough = self.at_most_s is None or all_hold(_at_most(one, self.at_most_s) for one in outages)
        if short_enough and self.at_most_s is not None and any(one.unknown for one in found):
            short_enough = None
        longest = max(outages, key=lambda one: one.estimate_s, default=None)
        seen = "no outage" if longest is None else outage_text(longest)
        return self.told(what, seen, all_hold((long_enough, short_enough)))


def NoOutage(probe: str = "", reason: str = "") -> Outage:  # noqa: N802 - reads as the other expectations do
    """Neither failing nor late requests: no outage and no stall of any length."""
    return Outage(at_most_s=0.0, probe=probe, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(_OfTraffic):
    """The 99th percentile of the latency of good requests is at most `p99_ms_at_most`, for each prober."""

    p99_ms_at_most: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"latency p99 <= {self.p99_ms_at_most:g} ms"
        found = [one.latency_ms.p99 for one in self._traffic(evidence) if one.latency_ms is not None]
        if not found:
            return self._nothing(what)
        return self.told(self._title(what), f"{max(found):.1f} ms", max(found) <= self.p99_ms_at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts(Expectation):
    """Exactly `count` restarts of containers were seen: of the named container, in pods with these labels."""

    count: int
    container: str = ""
    labels: tuple[tuple[str, str], ...] = ()

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        pods = [life for life in lives(evidence.history).values() if set(self.labels) <= life.labels.items()]
        seen = sum(life.restarts(self.container) for life in pods)
        holds = seen == self.count if pods else None
        return self.told(f"container restarts: {self.count}", f"{seen}" if pods else "no pod was seen", holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCode(Expectation):
    """Every end of a container that was seen, at least one, had this exit code."""

    code: int
    container: str = ""
    labels: tuple[tuple[str, str], ...] = ()

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        pods = [life for life in lives(evidence.history).values() if set(self.labels) <= life.labels.items()]
        codes = [end.code for life in pods for end in life.exits(self.container)]
        seen = ", ".join(map(str, codes)) or "no exit was seen"
        return self.told(f"exit code {self.code}", seen, all(c == self.code for c in codes) if codes else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing(Expectation):
    """One of the timings, by its name, lies within limits. None sets no limit."""

    name: str
    at_least: float | None = None
    at_most: float | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"{self.name} {limits_text(self.at_least, self.at_most, '')}".rstrip()
        value = evidence.timings.get(self.name)
        if value is None:
            return self.told(what, "not seen", None)
        holds = (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)
        return self.told(what, f"{value:.3f}", holds)


@dataclass(frozen=True, slots=True)
class Seen(Expectation):
    """Any other fact: `predicate` looks at the evidence and says whether it holds, or None if it cannot tell."""

    what: str
    predicate: Callable[[Evidence], bool | None]

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        holds = self.predicate(evidence)
        return self.told(self.what, {True: "yes", False: "no", None: "cannot be told"}[holds], holds)


def outage_text(outage: results.Outage) -> str:
    """An outage as one reads it: 1.204 s [1.196, 1.212]."""
    text = f"{outage.estimate_s:.3f} s [{outage.low_s:.3f}, {outage.high_s:.3f}]"
    marks = [word for word, is_so in (("partial", outage.partial), ("not ended", not outage.ended)) if is_so]
    marks += ["late answers"] if outage.kind == "stall" else []
    return f"{text} ({', '.join(marks)})" if marks else text


def _at_least(outage: results.Outage, limit_s: float) -> bool | None:
    if outage.low_s >= limit_s:
        return True
    return None if outage.high_s >= limit_s or not outage.ended else False


def _at_most(outage: results.Outage, limit_s: float) -> bool | None:
    # What failed had some length, though the bracket of one failed request begins at 0.
    if outage.low_s > limit_s or limit_s == 0:
        return False
    return True if outage.high_s <= limit_s and outage.ended else None


def _rate(found: Sequence[results.Traffic], unknown_as: int) -> float:
    """The share of failed requests of all, with unknown ones counted as good (0) or failed (1)."""
    return sum(one.errors + unknown_as * one.unknown for one in found) / sum(one.requests for one in found)


def _errors_seen(found: Sequence[results.Traffic]) -> str:
    """Errors of requests in words, with the bound."""
    errors, unknown, total = (sum(getattr(one, n) for one in found) for n in ("errors", "unknown", "requests"))
    bound = max(one.error_rate_below for one in found)
    text = f"{errors:,} of {total:,} requests failed (below {at_most_percent(bound)} at 95 %)"
    return f"{text}, {unknown:,} unknown" if unknown else text


def limits_text(low: float | None, high: float | None, unit: str) -> str:
    """Limits in words."""
    if low is not None and high is not None:
        return f"{low:g} to {high:g} {unit}"
    if high is not None:
        return f"<= {high:g} {unit}"
    return f">= {low or 0:g} {unit}"
