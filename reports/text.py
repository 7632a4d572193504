"""Figures as words, so that every report says the same thing in the same way."""

import re
import shlex

from harness.clock import NS_PER_S
from harness.results import Calibrated, Failover, Outage, Phase, Result, Traffic, Verdict
from harness.words import at_most_percent, digits

VERDICTS: tuple[Verdict, ...] = ("fail", "error", "inconclusive", "pass", "skip")
"""All verdicts, the most urgent first."""

_UNSHOWABLE = re.compile(
    "[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """The text without what XML forbids, and without characters that reorder or hide the text around them."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def seconds(value_s: float) -> str:
    """A measured length: `1.204 s`."""
    return f"{value_s:.3f} s" if abs(value_s) < 100 else f"{value_s:.1f} s"


def bracket(low_s: float, estimate_s: float, high_s: float) -> str:
    """An estimate with its guaranteed bounds: `1.204 s [1.196, 1.212]`."""
    digits = 3 if high_s < 100 else 1
    return f"{estimate_s:.{digits}f} s [{low_s:.{digits}f}, {high_s:.{digits}f}]"


def outage(value: Outage) -> str:
    """An outage's length; one that still lasted when the probe stopped has no upper bound."""
    if not value.ended:
        return f"over {seconds(value.low_s)}"
    return bracket(value.low_s, value.estimate_s, value.high_s)


def longest(traffic: Traffic | None) -> Outage | None:
    """The longest outage, None where there was none or no traffic."""
    return max(traffic.outages, key=lambda o: o.estimate_s, default=None) if traffic else None


def longest_words(traffic: Traffic | None) -> str:
    """The longest outage in words; empty where there was no traffic."""
    worst = longest(traffic)
    if worst is not None:
        return outage(worst)
    return "none" if traffic else ""


def percent(share: float) -> str:
    """A share (0 to 1) with as many digits as it deserves: `19.3 %`, `1.93 %`, `0.052 %`."""
    value = share * 100
    return f"{value:.{digits(value)}f} %"


def below(share: float) -> str:
    """An upper bound of a share, rounded up so that it still holds: `< 0.13 %`."""
    return f"< {at_most_percent(share)}"


def error_rate(traffic: Traffic | None) -> str:
    """The error rate; where no request failed, what so many good ones prove: `0 (< 0.29 %; 1 restart: < 95.0 %)`.

    Empty without traffic.
    """
    if traffic is None:
        return ""
    if traffic.errors == 0:
        bounds = [below(traffic.error_rate_below)]
        if traffic.restarts_failing_below is not None:
            restarts = f"{traffic.restarts} restart{'s' if traffic.restarts > 1 else ''}"
            bounds.append(f"{restarts}: {below(traffic.restarts_failing_below)}")
        return f"0 ({'; '.join(bounds)})"
    return percent(traffic.error_rate)


def stopped(result: Result) -> str:
    """How long after the act the first pod that was told to stop had ended, by its own word or else by the runtime's,
    which counts whole seconds; empty where neither was seen.
    """
    if (told_s := result.timings.get("exit_s")) is not None:
        return seconds(told_s)
    ended_s = result.timings.get("ended_s")
    return "" if ended_s is None else f"≤ {ended_s:.0f} s"


def failover(value: Failover | None) -> str:
    """The failover with its bounds and any overlap; empty where there was none to measure."""
    if value is None:
        return ""
    words = bracket(value.low_s, value.estimate_s, value.high_s)
    return f"{words}, overlap {seconds(value.overlap_s)}" if value.stale or value.overlap_s > 0 else words


def moment(phase: Phase, first: Phase) -> str:
    """A moment with its bounds, counted from the earliest that the first one may have been: `+1.204 to 1.231 s`."""
    low_s, high_s = ((ns - first.low_ns) / NS_PER_S for ns in (phase.low_ns, phase.high_ns))
    return f"{low_s:+.3f} to {high_s:.3f} s"


def explained(failed: int, without_cause: int) -> str:
    """How many failed requests have a cause, in words."""
    if not failed:
        return "no request failed"
    if not without_cause:
        return f"each of {failed:,} failed requests has a cause"
    return f"{without_cause:,} of {failed:,} failed requests ({percent(without_cause / failed)}) have no cause"


def calibration(made: Calibrated | None) -> str:
    """How well this machine measured outages of known length, in one line."""
    if made is None:
        return "not calibrated on this machine (survive calibrate)"
    table = made.table
    missed = f"; missed: {'; '.join(made.missed)}" if made.missed else ""
    return (
        f"{table.outages} injected outages at {table.spacing_ms:g} ms spacing: bias {table.bias_ms:+.2f} ms, sd"
        f" {table.sd_ms:.2f} ms, {table.bracket_share:.1%} of brackets hold the truth, {table.false_failures} false"
        f" failures in {table.probes_without_fault:,} probes ({made.command}, {made.made[:10]}, {made.machine}){missed}"
    )


def duration(value_s: float) -> str:
    """A length of work, in the units a person would say: `48 s`, `12 min 34 s`, `1 h 05 min`."""
    whole = round(value_s)
    if whole < 60:
        return f"{value_s:.1f} s" if value_s < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def counts(results: list[Result]) -> dict[Verdict, int]:
    """How many rows have each verdict; verdicts that no row has are left out. Order: the most urgent first."""
    found = {verdict: sum(result.verdict == verdict for result in results) for verdict in VERDICTS}
    return {verdict: number for verdict, number in found.items() if number}


def headline(results: list[Result]) -> str:
    """The run in one sentence."""
    if not results:
        return "No row was run"
    found = counts(results)
    words = {
        "error": ("harness error", "harness errors"),
        "fail": ("failed", "failed"),
        "inconclusive": ("inconclusive", "inconclusive"),
        "skip": ("skipped", "skipped"),
    }
    parts = [f"{n} {words[v][n > 1]}" for v, n in found.items() if v in words and v != "skip"]
    ran = len(results) - found.get("skip", 0)
    passed = found.get("pass", 0)
    if not parts and passed:
        return "The row passed" if passed == 1 else f"All {passed} rows passed"
    return ", ".join([*parts, f"{passed} of {ran} passed"]) if ran else "Every row was skipped"


def rerun(result: Result) -> str:
    """The command that runs this row alone."""
    return f"pytest suites -k {shlex.quote(result.name)}"


_ELSEWHERE = re.compile(r"(?:^|; )(?:the )?(talk|articles|post-mortem|issue): ([^;]+)")


def elsewhere(reason: str) -> list[tuple[str, str]]:
    """What others say a figure is, as an expectation's reason tells it: `...; talk: 17 s` gives `("talk", "17 s")`."""
    return _ELSEWHERE.findall(reason)


def short_errors(traffic: Traffic | None) -> str:
    """The share of failed requests for a narrow column: `19.3 %`, `0`; empty without traffic."""
    if traffic is None:
        return ""
    return percent(traffic.error_rate) if traffic.errors else "0"
