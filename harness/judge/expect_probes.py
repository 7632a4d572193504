"""Expectations on what is under way for long: streams, requests in flight, kept connections, each pod by itself.

As in `expect`: `holds` is None where the evidence does not decide, since nothing was measured or a part of it was lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness import results
from harness.judge.expectation import Evidence, Expectation

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfStreams(Expectation):
    """An expectation on one prober's streams (`sse`, `websocket`), or on all."""

    probe: str = ""

    def _told(
        self, what: str, evidence: Evidence, seen: str, bad: int, holds: Callable[[int], bool]
    ) -> results.Expected:
        title = f"{what} ({self.probe})" if self.probe else what
        found = self._found(evidence)
        if not found or not all(one.opened for one in found):
            return self.told(title, "no stream was opened", None)
        unknown = sum(one.unknown + one.untold for one in found)
        return self.told(title, seen, holds(bad) if not unknown else None)

    def _found(self, evidence: Evidence) -> list[results.Streams]:
        return [one for name, one in evidence.streams.items() if self.probe in ("", name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoStreamCut(_OfStreams):
    """Every stream was opened and lasted until its client left it. `told_is_fine`: the server may end it by a word."""

    told_is_fine: bool = False

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = self._found(evidence)
        bad = sum(
            one.cut + one.silent + one.other + one.unopened + (0 if self.told_is_fine else one.told) for one in found
        )
        what = "no stream ended without a word" if self.told_is_fine else "no stream ended before its time"
        return self._told(what, evidence, _streams_seen(found), bad, lambda count: count == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsCut(_OfStreams):
    """At least so many streams broke off without a word, each so long (from, to) after its pod's stop signal."""

    at_least: int = 1
    after_signal_s: Span | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = self._found(evidence)
        cuts = [cut for one in found for cut in one.cuts]
        bad = sum(one.cut for one in found)
        early = bool(self.after_signal_s) and not _all_within(cuts, self.after_signal_s)
        what = f"at least {_count(self.at_least, 'stream')} cut{_span_words(self.after_signal_s)}"
        seen = f"{_streams_seen(found)}{_cuts_seen(cuts)}"
        return self._told(what, evidence, seen, bad, lambda count: count >= self.at_least and not early)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsTold(_OfStreams):
    """At least so many streams were ended by the server with a word, so that their clients know to come again."""

    at_least: int = 1

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = self._found(evidence)
        what = f"at least {_count(self.at_least, 'stream')} told to go"
        bad = sum(one.told for one in found)
        return self._told(what, evidence, _streams_seen(found), bad, lambda count: count >= self.at_least)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHeartbeatLost(_OfStreams):
    """No heartbeat is missing within a stream, and none came twice."""

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = self._found(evidence)
        total, lost, doubled = (sum(getattr(one, name) for one in found) for name in ("heartbeats", "lost", "doubled"))
        seen = f"{lost:,} lost and {doubled:,} doubled beside {total:,} heartbeats"
        return self._told("no heartbeat lost or doubled", evidence, seen, lost + doubled, lambda count: count == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkThatIs(Expectation):
    """At least so many pieces of the work in flight were `lost` or `doubled`; with 0, none was."""

    kind: Literal["lost", "doubled"]
    at_least: int

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        wanted = f"at least {_count(self.at_least, 'piece')} of work {self.kind}"
        what = wanted if self.at_least else f"no work {self.kind}"
        found = evidence.in_flight
        if found is None or not found.requests:
            return self.told(what, "no request was in flight", None)
        count = found.lost if self.kind == "lost" else found.doubled
        holds = count >= self.at_least if self.at_least else count == 0
        # What was not told of the ledger makes work look lost, and hides work that was doubled.
        return self.told(what, work_seen(found), None if found.untold or found.unknown else holds)


def LostWork(at_least: int = 1, reason: str = "") -> WorkThatIs:  # noqa: N802 - reads as the other expectations do
    """Work was begun and never done."""
    return WorkThatIs(kind="lost", at_least=at_least, reason=reason)


def NoLostWork(reason: str = "") -> WorkThatIs:  # noqa: N802 - reads as the other expectations do
    """All work that was begun was done."""
    return WorkThatIs(kind="lost", at_least=0, reason=reason)


def DoubledWork(at_least: int = 1, reason: str = "") -> WorkThatIs:  # noqa: N802 - reads as the other expectations do
    """Work was done twice: its client was not told that it was done, and sent it again."""
    return WorkThatIs(kind="doubled", at_least=at_least, reason=reason)


def NoDoubledWork(reason: str = "") -> WorkThatIs:  # noqa: N802 - reads as the other expectations do
    """No work was done twice."""
    return WorkThatIs(kind="doubled", at_least=0, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightCut(Expectation):
    """At least so many requests in flight broke off, each so long (from, to) after its pod's stop signal."""

    at_least: int = 1
    after_signal_s: Span | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"at least {_count(self.at_least, 'request')} in flight cut{_span_words(self.after_signal_s)}"
        found = evidence.in_flight
        if found is None or not found.requests:
            return self.told(what, "no request was in flight", None)
        # What no pod told of having begun was cut before it, or on its way: it says nothing of when work is cut.
        cuts = [cut for cut in found.cuts if cut.pod]
        holds = len(cuts) >= self.at_least and (not self.after_signal_s or _all_within(cuts, self.after_signal_s))
        return self.told(what, f"{work_seen(found)}{_cuts_seen(cuts)}", None if found.untold else holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInFlightFailed(Expectation):
    """Every request in flight was answered at its first sending."""

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = evidence.in_flight
        if found is None or not found.requests:
            return self.told("no request in flight failed", "no request was in flight", None)
        holds = None if found.unknown and not found.failed else found.failed == 0
        return self.told("no request in flight failed", work_seen(found), holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusedBroken(Expectation):
    """At least so many requests broke on a connection that had been used before; with 0, none did.

    Of one prober, or of all that keep connections.
    """

    at_least: int = 1
    probe: str = ""

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        wanted = f"at least {_count(self.at_least, 'request')} broken on used connections"
        what = wanted if self.at_least else "none broken on used connections"
        found = [one for name, one in evidence.kept.items() if self.probe in ("", name)]
        broken, reused, count = (sum(getattr(one, f) for one in found) for f in ("broken", "reused", "connections"))
        if not reused:
            return self.told(what, "no connection was used again", None)
        seen = f"{broken:,} of {reused:,} requests on used connections broke, {_count(count, 'connection')}"
        return self.told(what, seen, broken >= self.at_least if self.at_least else broken == 0)


def NoReusedBroken(probe: str = "", reason: str = "") -> ReusedBroken:  # noqa: N802 - reads as the other expectations do
    """No request broke on a connection that had been used before."""
    return ReusedBroken(at_least=0, probe=probe, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeafWhileReady(Expectation):
    """At least so many requests straight to a pod failed while its endpoint was ready; with 0, none did."""

    at_least: int = 1

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"at least {_count(self.at_least, 'request')} refused by a ready pod" if self.at_least else (
            "every ready pod answered"
        )  # fmt: skip
        found = evidence.each_pod
        if not found:
            return self.told(what, "no pod was asked at its address", None)
        deaf = sum(one.failed_while_ready for one in found)
        seen = f"{deaf:,} of {sum(one.requests for one in found):,} requests to {_count(len(found), 'pod')}"
        return self.told(what, seen, deaf >= self.at_least if self.at_least else deaf == 0)


def NoDeafPod(reason: str = "") -> DeafWhileReady:  # noqa: N802 - reads as the other expectations do
    """Every pod answered at its own address as long as its endpoint was ready."""
    return DeafWhileReady(at_least=0, reason=reason)


def work_seen(found: results.InFlight) -> str:
    """Work in words."""
    text = f"{found.answered:,} of {found.requests:,} answered, {found.lost:,} lost, {found.doubled:,} doubled"
    if found.unanswered:
        text += f", {found.unanswered:,} done without an answer"
    return f"{text}; {found.untold:,} entries of the ledger are missing" if found.untold else text


def _streams_seen(found: Sequence[results.Streams]) -> str:
    """Streams in words."""
    opened = sum(one.opened for one in found)
    kinds = ("cut", "told", "silent", "other", "unopened")
    counts = {kind: sum(getattr(one, kind) for one in found) for kind in kinds}
    words = {"told": "told to go", "other": "ended in another way", "unopened": "not opened"}
    ends = [f"{count:,} {words.get(kind, kind)}" for kind, count in counts.items() if count]
    return f"{', '.join(ends) or 'none ended early'} of {_count(opened, 'stream')}"


def _cuts_seen(cuts: Sequence[results.Cut]) -> str:
    """When after the signal, in words."""
    spans = [f"{cut.after_signal_s:.2f}" for cut in cuts if cut.after_signal_s is not None]
    if not spans:
        return ""
    first, last = min(spans, key=float), max(spans, key=float)
    return f", {first if first == last else f'{first} to {last}'} s after the signal"


def _all_within(cuts: Sequence[results.Cut], span: Span | None) -> bool:
    return all(
        span is None or (cut.after_signal_s is not None and span[0] <= cut.after_signal_s <= span[1]) for cut in cuts
    )


def _span_words(span: Span | None) -> str:
    return f" {span[0]:g} to {span[1]:g} s after the signal" if span else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
