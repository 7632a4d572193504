"""Presence: how many pods of a workload were there, and available, at the same time.

All of it rests on the pods' watch alone, which keeps the order in which the API server stored the changes.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from harness import results
from harness.clock import seconds
from harness.history import History
from harness.judge.expectation import Evidence, Expectation
from harness.lives import PodLife, Span
from harness.proof import pods
from harness.records import Act


def there(life: PodLife) -> list[Span]:
    """The span in which a pod was in the API and had not come to its end."""
    ends = [pod.t_ns for pod in life.seen if pod.change == "DELETED" or pod.phase in ("Succeeded", "Failed")]
    return [Span(life.first_seen_ns, min(ends, default=None))]


def available(life: PodLife) -> list[Span]:
    """The spans in which a pod was Ready and not being deleted."""
    spans: list[Span] = []
    since: int | None = None
    for pod in life.seen:
        up = pod.ready and pod.deletion_ns is None and pod.change != "DELETED"
        if up and since is None:
            since = pod.t_ns
        elif not up and since is not None:
            spans.append(Span(since, pod.t_ns))
            since = None
    return spans if since is None else [*spans, Span(since, None)]


def counts(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """How many of the spans hold from each moment on at which that changes: [(moment, count), ...]."""
    edges = sorted({edge for span in spans for edge in (span.start_ns, span.end_ns) if edge is not None})
    return [(edge, sum(span.holds(edge) for span in spans)) for edge in edges]


def most(spans: Sequence[Span]) -> int:
    """The greatest number of spans at one moment."""
    return max((count for _, count in counts(spans)), default=0)


def least(spans: Sequence[Span], since_ns: int) -> int:
    """The smallest number of spans at one moment, from a moment on."""
    later = [count for moment, count in counts(spans) if moment > since_ns]
    return min([sum(span.holds(since_ns) for span in spans), *later])


def longest_gap_s(spans: Sequence[Span], since_ns: int) -> float:
    """The longest time without any span, from a moment on, after the first one had begun; one that did not end does
    not count.
    """
    steps = counts(spans)
    ends = [moment for moment, _ in steps[1:]]
    gaps = [seconds(end - max(start, since_ns)) for (start, n), end in zip(steps, ends, strict=False) if n == 0]
    return max([0.0, *gaps])


def node_gaps_s(found: Sequence[PodLife], since_ns: int) -> dict[str, float]:
    """By each node that had an available pod of these, the longest time from a moment on in which it had none."""
    nodes: dict[str, list[Span]] = {}
    for life in found:
        nodes.setdefault(life.node, []).extend(available(life))
    return {node: longest_gap_s(spans, since_ns) for node, spans in nodes.items() if spans}


def together_s(found: Sequence[PodLife]) -> tuple[float, float] | str:
    """How long the processes of a pod and of the next one that came ran at the same time, at least and at most.

    What was not seen of them, in words, where it cannot be told.
    """
    low_s = high_s = 0.0
    for old, new in itertools.pairwise(sorted(found, key=lambda life: life.first_seen_ns)):
        ends = [end.finished_ns for end in old.exits() if end.finished_ns is not None]
        began = new.said_ns("started")
        if not ends or began is None:
            return f"the end of {old.name} or the start of {new.name} was not seen"
        low_s = max(low_s, seconds(max(ends) - began))
        high_s = max(high_s, seconds(max(ends) - began) + 1)
    return low_s, high_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPods(Expectation):
    """An expectation on the pods with these labels: (key, value) pairs."""

    labels: tuple[tuple[str, str], ...]

    def _spans(self, history: History, kind: str) -> list[Span]:
        of = {"there": there, "available": available}[kind]
        return [span for life in pods(history, **dict(self.labels)) for span in of(life)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastAvailable(_OfPods):
    """The fewest pods that were available at one moment, from the first act on: exactly `count`."""

    count: int

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        spans = self._spans(evidence.history, "available")
        what = f"never fewer than {self.count} pods available, and once just {self.count}"
        acts = evidence.history.of(Act)
        if not spans or not acts:
            return self.told(what, "no pods, or no act", None)
        seen = least(spans, acts[0].t_ns)
        return self.told(what, f"{seen} at the least", seen == self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneAvailable(_OfPods):
    """The longest time, from the first act on, in which no pod was available: at most `at_most_s`."""

    at_most_s: float = 0.0

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        spans = self._spans(evidence.history, "available")
        acts = evidence.history.of(Act)
        what = f"no pod available for at most {self.at_most_s:g} s"
        if not spans or not acts:
            return self.told(what, "no pods, or no act", None)
        if all(span.end_ns is not None for span in spans):
            return self.told(what, "none was available at the end", False)
        gap_s = longest_gap_s(spans, acts[0].t_ns)
        return self.told(what, f"{gap_s:.3f} s", gap_s <= self.at_most_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class MostThere(_OfPods):
    """The most pods that there were at one moment: `at_least` so many, and `at_most` so many if a limit is set."""

    at_least: int = 0
    at_most: int | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        spans = self._spans(evidence.history, "there")
        seen = most(spans)
        limits = [f"at least {self.at_least}"] if self.at_least else []
        limits += [] if self.at_most is None else [f"at most {self.at_most}"]
        holds = seen >= self.at_least and (self.at_most is None or seen <= self.at_most)
        return self.told(f"{' and '.join(limits)} pods at once", f"{seen} at the most", holds if spans else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGap(_OfPods):
    """The longest time that a node had no available pod, from the first act on, of the nodes that had one."""

    at_least_s: float = 0.0
    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        began_ns = min((act.t_ns for act in evidence.history.of(Act)), default=0)
        gaps = node_gaps_s(pods(evidence.history, **dict(self.labels)), began_ns)
        what = f"each node without an available pod for {self.at_least_s:g} to {self.at_most_s:g} s"
        seen = ", ".join(f"{node} {gap_s:.3f} s" for node, gap_s in sorted(gaps.items()))
        holds = all(self.at_least_s <= gap_s <= self.at_most_s for gap_s in gaps.values())
        return self.told(what, seen or "no pods", holds if gaps else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(_OfPods):
    """How long the processes of two pods ran at the same time, by their own word and their containers' ends.

    A container's end is told in whole seconds, so that the overlap is known to a second. None sets no limit.
    """

    at_least_s: float = 0.0
    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        found = pods(evidence.history, **dict(self.labels))
        what = f"two at work for {self.at_least_s:g} to {self.at_most_s:g} s"
        span = together_s(found)
        if isinstance(span, str):
            return self.told(what, span, None)
        low_s, high_s = span
        holds = True if low_s >= self.at_least_s and high_s <= self.at_most_s else None
        if high_s < self.at_least_s or low_s > self.at_most_s:
            holds = False
        return self.told(what, f"between {low_s:.3f} and {high_s:.3f} s", holds if len(found) > 1 else None)
