"""Requests that take a while, each with an idempotency key: what becomes of work that is under way."""

import argparse
from collections.abc import Callable

GOLDEN = 0.6180339887498949  # its multiples, modulo 1, are spread evenly from the first on


def add_work(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    add("--work-s", type=_span, default=None, metavar="LOW:HIGH", help="each request takes so long and has a key")
    add("--done-at", type=float, default=1.0, help="the share of that after which the work is done, 0 to 1")
    add("--resend", action="store_true", help="send a request that failed once more, as a row of its own")


def _span(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    found = float(low), float(high or low)
    if not 0 < found[0] <= found[1]:
        raise ValueError(text)
    return found


def keyed_work(options: argparse.Namespace) -> Callable[[int], tuple[str, str]]:
    """What gives the n-th request's path and key; the path has places for {key}, {delay} and {work}, in seconds."""
    low_s, high_s = options.work_s

    def work(n: int) -> tuple[str, str]:
        key = f"{options.probe}-{n}"
        delay_s = low_s + (high_s - low_s) * (n * GOLDEN % 1.0)
        path = options.path.replace("{key}", key).replace("{delay}", f"{delay_s:.3f}")
        return path.replace("{work}", f"{delay_s * options.done_at:.3f}"), key

    return work
