"""Outages: when requests failed or came late, each with bounds.

What is certain of one request: a good one met the server up, and a failed one met it down, at some moment between its
send and its end. For an outage of the whole server, down in [a, b), it follows:

- a lies between the send of the last good request before it and the end of the first bad one;
- b lies between the send of the last bad request and the end of the first good one after it;
- b - a is at most the longest time from the send of one good request to the end of the next that the above allows.

`low_s` and `high_s` of a full outage rest on nothing else. The estimate, which takes midpoints, and the question
whether an outage is partial assume also that a request which ran into its deadline met the server as it was sent; the
estimate, that so did a good one which waited for three times the median: then the first completion is the end. The
estimate errs by up to the time a request takes.

A *partial* outage has good requests within it: some of several backends were down. A good answer then no longer proves
that all was well, so only `low_s`, from the first failure's end to the last one's send, is certain; it holds that the
trouble was one and the same. The estimate and `high_s` take each request to meet the trouble by chance, as a Service
spreads connections: on each side the mean, and a bound at 99 %, of how many requests miss it (see `partial`). A short
outage without any good request within it may be partial too while several pods answer: `high_s` then allows for it.
The beginning of a history bounds what began before it; an outage with `ended` false lasted longer than was seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.clock import NS_PER_S, seconds
from harness.judge.partial import least_share, may_be_partial, missed_at_most, missed_on_average
from harness.requests import Requests
from harness.results import Outage

GAP_S = 1.0
GAP_GOOD = 50
NEAR_NS = NS_PER_S
"""How near to an outage a pod must have answered to count as one that stood behind the Service."""

_FAR = np.iinfo(np.int64).max

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """An outage and the indices of the requests it is made of, by the moment each met it."""

    outage: Outage
    rows: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Good:
    """The good requests, sorted for questions about order. Moments in ns; each array has the shape (n,)."""

    sent: Times
    ends: Times
    sent_before: Times
    end_after: Times
    typical_ns: int

    @classmethod
    def of(cls, sent: Times, end: Times) -> "Good":
        """Sort by send and by end, with the latest send so far and the earliest end from there on."""
        by_sent, by_end = np.argsort(sent, kind="stable"), np.argsort(end, kind="stable")
        end_after = np.append(np.minimum.accumulate(end[by_sent][::-1])[::-1], _FAR)
        typical = int(np.median(end - sent)) if len(sent) else 0
        return cls(sent[by_sent], end[by_end], np.append(-1, np.maximum.accumulate(sent[by_end])), end_after, typical)

    def last_sent(self, ended_by_ns: int) -> int | None:
        """The latest send of those that had ended by a moment."""
        found = int(self.sent_before[np.searchsorted(self.ends, ended_by_ns, "right")])
        return None if found < 0 else found

    def first_end(self, sent_from_ns: int) -> int | None:
        """The earliest end of those sent at a moment or later."""
        found = int(self.end_after[np.searchsorted(self.sent, sent_from_ns, "left")])
        return None if found == _FAR else found

    def waiting(self, t_ns: int) -> int:
        """The latest send of those sent well before a moment, so that a prompt answer would have come by then."""
        index = int(np.searchsorted(self.sent, t_ns - 3 * self.typical_ns, "left"))
        return int(self.sent[index - 1]) if index else -1

    def between(self, start: Times, end: Times) -> NDArray[np.intp]:
        """How many lie wholly within each span; those longer than a span are not counted against it."""
        found: NDArray[np.intp] = np.searchsorted(self.ends, end, "right") - np.searchsorted(self.sent, start, "left")
        return found.clip(min=0)

    def longest(self, span: tuple[int, int], upto_ns: int, past_ns: int) -> int:
        """The longest time from a send, at `upto_ns` at the latest, to the next one's end, which is past `past_ns`.

        Nothing is known outside `span`, so its ends stand for a good request before and one after all others.
        """
        stop = int(np.searchsorted(self.sent, upto_ns, "right"))
        begin = int(np.searchsorted(self.end_after[: stop + 1], past_ns, "right"))
        sends = self.sent[max(begin - 1, 0) : stop] if begin else np.append(span[0], self.sent[:stop])
        lengths = np.minimum(self.end_after[begin : stop + 1], span[1]) - sends
        return int(lengths.max(initial=0))


def outages(requests: Requests, gap_s: float = GAP_S, gap_good: int = GAP_GOOD) -> list[Outage]:
    """The outages by failed requests; see `windows`."""
    return [window.outage for window in windows(requests, gap_s, gap_good)]


def windows(requests: Requests, gap_s: float = GAP_S, gap_good: int = GAP_GOOD) -> list[Window]:
    """The outages by failed requests, oldest first. Failures are one outage unless good requests part them: `gap_good`
    in a row, or any for `gap_s` seconds. Unknown requests count for neither side.
    """
    bad = np.flatnonzero(requests.failed)
    if not len(bad):
        return []
    sent, end = requests.sent_ns, requests.end_ns
    timed_out = np.array([requests.error[row] == "timeout" for row in bad])
    met = np.where(timed_out, sent[bad], end[bad])
    good = Good.of(sent[requests.ok], end[requests.ok])
    span = (int(sent.min()), int(end.max()))
    spacing = int(np.median(np.diff(np.sort(sent)))) if len(sent) > 1 else 0
    return [
        Window(_errors(sent[rows], end[rows], int(at[0]), good, span, spacing, _pods(requests, at)), rows)
        for rows, at in _groups(bad, met, good, gap_s, gap_good)
    ]


def _pods(requests: Requests, met: Times) -> int:
    """How many pods gave good answers near a group of failures; 0 if answers do not name their pod."""
    near = np.searchsorted(requests.scheduled_ns, [met[0] - NEAR_NS, met[-1] + NEAR_NS])
    rows = slice(int(near[0]), int(near[1]))
    return len({pod for pod, ok in zip(requests.pod[rows], requests.ok[rows].tolist(), strict=True) if ok and pod})


def stalls(requests: Requests, limit_s: float, gap_s: float = GAP_S, gap_good: int = GAP_GOOD) -> list[Outage]:
    """Stalls: good requests that ended later than `limit_s` seconds after their scheduled time, grouped as outages are.

    A stall ends at the first completion after the send of its last late request. It takes a server that is not stalled
    to answer within `limit_s`: so it lasted at least from the first late send plus the limit, and at most from the last
    send that was answered in time. Partial: a request sent within the stall was answered in time well before its end
    (half of the limit, for what waited in a stall is not always answered in order) and sent well after its first late
    one (three times the median, for that one may have been in work when the stall began).
    """
    waited = requests.end_ns - requests.scheduled_ns
    slow = waited > limit_s * NS_PER_S
    late = np.flatnonzero(requests.ok & slow)
    if not len(late):
        return []
    prompt = requests.ok & ~slow
    good = Good.of(requests.sent_ns[prompt], requests.end_ns[prompt])
    begin = int(requests.sent_ns.min())
    usual = int(np.median(waited[prompt])) if prompt.any() else 0
    return [
        _stall(requests.sent_ns[rows], requests.end_ns[rows], good, begin, limit_s, int(waited[rows].max()) - usual)
        for rows, _ in _groups(late, requests.sent_ns[late], good, gap_s, gap_good)
    ]


def _groups(
    rows: NDArray[np.intp], met: Times, good: Good, gap_s: float, gap_good: int
) -> list[tuple[NDArray[np.intp], Times]]:
    """Split rows, and the moments they met the trouble, where enough good requests part them."""
    order = np.argsort(met, kind="stable")
    rows, met = rows[order], met[order]
    between = good.between(met[:-1], met[1:])
    parted = (between >= gap_good) | ((between > 0) & (np.diff(met) >= gap_s * NS_PER_S))
    cuts = np.flatnonzero(parted) + 1
    return list(zip(np.split(rows, cuts), np.split(met, cuts), strict=True))


def _errors(sent: Times, end: Times, met_ns: int, good: Good, span: tuple[int, int], spacing: int, pods: int) -> Outage:
    """The outage made of one group of failed requests; `met_ns` is the first of them, `span` the whole history,
    `spacing` the usual time between two requests, `pods` how many answer near it.
    """
    first_end, last_sent = int(end.min()), int(sent.max())
    after = good.first_end(met_ns)
    if after is not None and after <= last_sent and met_ns == int(sent[0]):
        # One that timed out may have been in work when the outage began: what was sent soon after it proves nothing.
        after = good.first_end(met_ns + 3 * good.typical_ns)
    if after is not None and after <= last_sent:
        return _partial(sent, end, met_ns, good, span, pods)
    before = good.last_sent(last_sent)
    until = span[1] if after is None else after
    start = ((span[0] if before is None else before) + met_ns) // 2
    stop = max(start, until if good.waiting(until) > last_sent else (last_sent + until) // 2)
    low = max(0, last_sent - first_end)
    high: float = max(low, good.longest(span, first_end, last_sent))
    if may_be_partial(len(sent), pods):
        unseen = spacing * missed_at_most(least_share(len(sent), 0, pods))
        high = max(high, min(span[1] - span[0], last_sent - met_ns + 2 * unseen))
    return _outage(low, stop - start, high, start, stop, len(sent), ended=after is not None)


def _partial(sent: Times, end: Times, met_ns: int, good: Good, span: tuple[int, int], pods: int) -> Outage:
    """The outage of some of several backends; see the module."""
    first_sent, last_sent = int(sent.min()), int(sent.max())
    answered = int(good.between(np.array([first_sent]), np.array([last_sent]))[0])
    steps = len(sent) - 1 + max(answered, 1)
    spacing = (last_sent - first_sent) / steps
    missed = spacing * missed_on_average(len(sent), max(answered, 1))
    unseen = spacing * missed_at_most(least_share(len(sent), max(answered, 1), pods))
    start = max(span[0], int(met_ns - missed))
    stop = min(span[1], int(last_sent + missed))
    low = max(0, last_sent - int(end.min()))
    high = min(span[1] - span[0], last_sent - met_ns + 2 * unseen)
    ended = good.first_end(last_sent) is not None
    return _outage(low, stop - start, high, start, stop, len(sent), ended=ended, partial=True)


def _stall(sent: Times, end: Times, good: Good, begin: int, limit_s: float, excess: int) -> Outage:
    """The stall made of one group of late requests; `begin` is the first send of the history, `excess` the worst wait
    in it beyond the usual one.
    """
    first, last, limit = int(sent[0]), int(sent[-1]), int(limit_s * NS_PER_S)
    stop = int(end[end > last].min())
    answered = good.first_end(first + 3 * good.typical_ns)
    partial = answered is not None and answered < stop - limit // 2
    before = good.last_sent(first if partial else stop - limit // 2)
    before = begin if before is None else before
    start = (before + first) // 2
    low = max(0, stop - first - limit)
    return _outage(low, stop - start, stop - before, start, stop, len(sent), partial=partial, excess=excess)


def _outage(
    low: int, estimate: int, high: float, start: int, stop: int, failed: int,
    *, ended: bool = True, partial: bool = False, excess: int | None = None,
) -> Outage:  # fmt: skip
    """The model, from nanoseconds; the estimate is kept within its bounds. With `excess` it is a stall."""
    high = max(high, low)
    return Outage(
        low_s=seconds(low),
        estimate_s=seconds(min(max(estimate, low), high)),
        high_s=seconds(high),
        start_ns=start,
        end_ns=stop,
        failed=failed,
        ended=ended,
        partial=partial,
        kind="errors" if excess is None else "stall",
        excess_s=None if excess is None else seconds(excess),
    )
