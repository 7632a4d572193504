"""What was not seen: how long an outage may have been that no request met, and what "no errors" proves, in words."""

import numpy as np

from harness.clock import seconds
from harness.judge.bounds import per_request, per_restart
from harness.requests import Requests


def certain_s(requests: Requests) -> float | None:
    """An outage of the whole Service longer than this (s) would surely have been seen; None without good requests.

    An outage that no request met lies between two of them: it began after the send of one good request and ended before
    the end of the next, so the longest such span is the answer. Where requests failed in between, an outage was seen.
    """
    order = np.argsort(requests.sent_ns[requests.ok], kind="stable")
    sent, end = requests.sent_ns[requests.ok][order], requests.end_ns[requests.ok][order]
    if len(sent) < 2:
        return None
    next_end = np.minimum.accumulate(end[::-1])[::-1][1:]
    failed = np.sort(requests.sent_ns[requests.failed])
    met = np.searchsorted(failed, sent[1:]) > np.searchsorted(failed, sent[:-1])
    spans = (next_end - sent[:-1])[~met]
    return seconds(int(spans.max())) if len(spans) else None


def statement(errors: int, requests: int, restarts: int, certain: float | None, spacing_s: float | None) -> str:
    """What is known of errors, in words. `requests` without unknown ones; `spacing_s` that was kept, by its median."""
    if not requests:
        return "No request was measured."
    if errors:
        return per_request(errors, requests) + "."
    told = [per_request(0, requests)] + ([per_restart(0, restarts)] if restarts else [])
    text = "; ".join(told) + "."
    if certain is None or spacing_s is None:
        return text
    return (
        f"{text} An outage of the whole Service longer than {1000 * certain:.1f} ms would surely have been seen;"
        f" a shorter one, of L ms, with the probability L/{1000 * spacing_s:.3g}; that of one backend of k more rarely."
    )


def spacing_s(requests: Requests) -> float | None:
    """The usual time between two sends, in seconds; None if there are none."""
    return seconds(float(np.median(np.diff(np.sort(requests.sent_ns))))) if len(requests) > 1 else None
