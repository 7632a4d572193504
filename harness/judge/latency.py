"""Latency: how long users waited, from the moment at which each request was due."""

import numpy as np
from hdrh.histogram import HdrHistogram

from harness.requests import Requests
from harness.results import Latency

_HIGHEST_US = 3_600_000_000
_DIGITS = 3


def latency(requests: Requests) -> Latency | None:
    """Percentiles in ms of the good requests, from their scheduled time (so a stall is not hidden); None without any.

    An HDR histogram of microseconds, three digits, up to an hour, as load generators keep theirs, so that histories can
    be added up. Equal values are counted by numpy first, since the histogram records one value at a time.
    """
    waited = (requests.end_ns - requests.scheduled_ns)[requests.ok] // 1000
    if not len(waited):
        return None
    histogram = HdrHistogram(1, _HIGHEST_US, _DIGITS)
    values, counts = np.unique(np.clip(waited, 1, _HIGHEST_US), return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        histogram.record_value(value, count)
    p50, p99 = (histogram.get_value_at_percentile(percentile) / 1000 for percentile in (50, 99))
    return Latency(p50=p50, p99=p99, max=float(waited.max()) / 1000)
