"""The judge's outages beside the truth: pure functions of a history and of what the fault server logged."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.calibrate.plan import STALL, STALL_SHORTEST_MS
from harness.clock import seconds
from harness.judge.traffic import STALL_S, traffic
from harness.requests import Requests
from harness.results import Calibration, ClientSeen, FaultSeen, Noise, Outage

SHORT_STALL_S = STALL_SHORTEST_MS / 2000
"""What is late where stalls are injected: they are as short as twice this. The judge's own limit is half a second."""

SLACK_NS = 50_000_000
"""An outage that was judged belongs to a true one if it lies within this of it."""

MARGIN_NS = 5_000_000
"""Requests this near to a true outage are not counted as those without a fault."""

BIAS_MS, SD_SHARE, BRACKET_SHARE, OUTAGES, PROBES = 1.0, 0.45, 0.99, 300, 30_000
"""The targets: at most, of the spacing at most, at least, at least so many outages, probes without a fault."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One outage as the fault server made it; ns since the epoch.

    `partial`: only some of the requests met it. `error_ns`: by how much its length may err.
    """

    fault: str
    start_ns: int
    end_ns: int
    partial: bool = False
    error_ns: int = 0

    @property
    def length_s(self) -> float:
        """Its true length."""
        return seconds(self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class Compared:
    """One true outage and what was judged of it. `error_s` is None if nothing was; `held`: one bracket holds it."""

    truth: Truth
    error_s: float | None
    held: bool
    seen: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One prober's rows against the truths of the server that it asked. `loud`: why it was too noisy, if it was."""

    compared: list[Compared]
    probes_without_fault: int
    false_failures: int
    loud: str = ""


def trial(requests: Requests, truths: Sequence[Truth], heard: Noise) -> Trial:
    """Judge the rows as any others and hold what is found against the truths, which lie well apart."""
    seen: list[list[Outage]] = [[] for _ in truths]
    stalled = any(truth.fault == STALL for truth in truths)
    for outage in traffic(requests, stall_s=SHORT_STALL_S if stalled else STALL_S).outages:
        if outage.kind == "stall" and not stalled:
            continue  # a late answer, as by TCP's sending again, is true; that it was injected is not
        for found, truth in zip(seen, truths, strict=True):
            if outage.start_ns <= truth.end_ns + SLACK_NS and truth.start_ns <= outage.end_ns + SLACK_NS:
                found.append(outage)
    apart = _apart(requests, truths)
    compared = [compare(truth, found) for truth, found in zip(truths, seen, strict=True)]
    loud = "" if heard.quiet else f"too noisy for {truths[0].fault}: {heard.why}"
    return Trial(compared, int(apart.sum()), int((apart & ~requests.ok).sum()), loud)


def compare(truth: Truth, found: Sequence[Outage]) -> Compared:
    """One true outage and those judged that belong to it: it should be one."""
    if not found:
        return Compared(truth, None, held=False)
    longest = max(found, key=lambda outage: outage.estimate_s)
    error_s = seconds(truth.error_ns)
    held = len(found) == 1 and longest.low_s - error_s <= truth.length_s <= longest.high_s + error_s
    return Compared(truth, longest.estimate_s - truth.length_s, held, tuple(found))


def _apart(requests: Requests, truths: Sequence[Truth]) -> NDArray[np.bool_]:
    """Which requests were sent and ended away from every fault."""
    apart = np.ones(len(requests), dtype=bool)
    for truth in truths:
        apart &= (requests.end_ns < truth.start_ns - MARGIN_NS) | (requests.sent_ns > truth.end_ns + MARGIN_NS)
    return apart


def table(trials: Sequence[Trial], spacing_ms: float, clients: dict[str, ClientSeen]) -> Calibration:
    """All figures. Bias and sd are those of outages that every request met: what meets only some, as one backend of
    k does, is found by chance, and its error has a line of its own.
    """
    compared = [one for each in trials for one in each.compared]
    bias_ms, sd_ms = _error(compared, lambda one: not one.truth.partial)
    faults = dict.fromkeys(one.truth.fault for one in compared)
    return Calibration(
        spacing_ms=spacing_ms,
        outages=len(compared),
        bias_ms=bias_ms,
        sd_ms=sd_ms,
        bracket_share=_share(compared),
        probes_without_fault=sum(each.probes_without_fault for each in trials),
        false_failures=sum(each.false_failures for each in trials),
        by_fault={fault: _of_fault(fault, compared) for fault in faults},
        clients=clients,
    )


def _of_fault(fault: str, compared: Sequence[Compared]) -> FaultSeen:
    bias_ms, sd_ms = _error(compared, lambda one: one.truth.fault == fault)
    mine = [one for one in compared if one.truth.fault == fault]
    return FaultSeen(outages=len(mine), bias_ms=bias_ms, sd_ms=sd_ms, bracket_share=_share(mine))


def _error(compared: Sequence[Compared], counts: Callable[[Compared], bool]) -> tuple[float, float]:
    """Mean and standard deviation of the errors, ms; 0 where there are too few."""
    errors = [1000 * one.error_s for one in compared if one.error_s is not None and counts(one)]
    return (
        round(statistics.fmean(errors), 3) if errors else 0.0,
        round(statistics.stdev(errors), 3) if len(errors) > 1 else 0.0,
    )


def _share(compared: Sequence[Compared]) -> float:
    return round(sum(one.held for one in compared) / len(compared), 4) if compared else 0.0


def missed(found: Calibration, full: bool) -> list[str]:
    """The targets that were missed, in words. A quick calibration has too few outages for bias, sd and 99 %: it may
    lose one bracket.
    """
    lost = round(found.outages * (1 - found.bracket_share))
    checks = [
        (found.false_failures > 0, f"{found.false_failures} false failures in {found.probes_without_fault:,} probes"),
        (found.outages == 0, "no outage was injected"),
        (not full and lost > 1, f"{lost} of {found.outages} brackets do not hold the truth"),
    ]
    if full:
        sd_limit = SD_SHARE * found.spacing_ms
        checks += [
            (abs(found.bias_ms) > BIAS_MS, f"bias {found.bias_ms:+.2f} ms, over {BIAS_MS:g} ms"),
            (found.sd_ms > sd_limit, f"sd {found.sd_ms:.2f} ms, over {sd_limit:g} ms"),
            (found.bracket_share < BRACKET_SHARE, f"{found.bracket_share:.2%} of brackets hold, below 99 %"),
            (found.outages < OUTAGES, f"{found.outages} outages, fewer than {OUTAGES}"),
            (
                found.probes_without_fault < PROBES,
                f"{found.probes_without_fault:,} probes without a fault, below 30,000",
            ),
        ]
    for name, client in found.clients.items():
        checks.append((client.seen != client.broken, f"{name} saw {client.seen} of {client.broken} broken requests"))
    return [text for is_so, text in checks if is_so]
