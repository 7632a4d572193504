"""The last lines of a run in a terminal: a table of verdicts, and where the report is."""

import io
import pathlib
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.results import Advice, Result, Results, Traffic

FEW = 20
"""So many rows are all in the table."""

WIDEST = 250
"""No row is as wide; a narrower console would cut its figures."""

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "skip": "cyan", "error": "magenta"}


def line(result: Result) -> str:
    """One row's verdict and figures: `PASS B1 rollout-naive, 193/771 failed, outage 1.930 s [1.920, 1.941], 14 s`."""
    errors, outage = _traffic(result.traffic)
    parts = [f"{result.verdict.upper()} {result.id} {result.name}", errors and f"{errors} failed",
             outage and outage != "none" and f"outage {outage}", (found := _failover(result)) and f"failover {found}",
             f"{result.duration_s:.0f} s"]  # fmt: skip
    return ", ".join(part for part in parts if part)


def lines(results: Results, report: pathlib.Path, width: int, *, colours: bool, verbose: bool = True) -> Iterator[str]:
    """The table, one line a row, then what did not pass and why, the counts and the report's address.

    Of many rows only those that did not pass are in the table unless `verbose`, which also tells each expectation.
    """
    shown = results.results
    if not verbose and len(shown) > FEW:
        shown = [result for result in shown if result.verdict != "pass"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("row", "name", "verdict", "errors", "longest outage", "failover", "time"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("errors", "time") else "left")
    for result in shown:
        table.add_row(*_cells(result))
    if shown:
        yield from _drawn(table, width, colours)
    for result in results.results:
        yield from _why(result, verbose)
    yield from _again(results)
    counts: Counter[str] = Counter(result.verdict for result in results.results)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in COLOURS if counts[verdict])
    yield f"{said or 'no rows'} in {results.run.duration_s:.0f} s on {results.run.cluster.provider}"
    if results.run.failed:
        yield f"{results.run.without_cause} of {results.run.failed} failed requests without a cause"
    yield f"report: {report}"


def _again(results: Results) -> Iterator[str]:
    for result in results.results:
        if result.noise and result.noise.earlier:
            yield f"measured again, alone: {result.id} {result.name}; at first {result.noise.earlier}"


def advised(advice: Advice) -> str:
    """An advice in one line: `add preStop.sleep 4 s (73 of 790 requests failed, …)`."""
    return f"{advice.what} ({'; '.join(advice.evidence) or advice.why})"


def _why(result: Result, verbose: bool) -> Iterator[str]:
    """Why a row did not pass, and what to do about it; nothing of one that did."""
    if result.verdict in ("pass", "skip"):
        return
    yield f"{result.verdict.upper()} {result.id} {result.name}: {result.why}"
    marks = {True: "held", False: "did not hold", None: "could not be told"}
    for item in result.expected if verbose else ():
        yield f"    {marks[item.holds]}: {item.what}; seen: {item.seen}"
    yield from (f"  → {advised(one)}" for one in result.advice)


def _cells(result: Result) -> list[str]:
    verdict = f"[{COLOURS[result.verdict]}]{result.verdict.upper()}[/]"
    figures = (*_traffic(result.traffic), _failover(result))
    return [result.id, result.name, verdict, *map(escape, figures), f"{result.duration_s:.0f} s"]


def _traffic(traffic: Traffic | None) -> tuple[str, str]:
    if traffic is None:
        return "", ""
    longest = max(traffic.outages, key=lambda outage: outage.estimate_s, default=None)
    outage = f"{longest.estimate_s:.3f} s [{longest.low_s:.3f}, {longest.high_s:.3f}]" if longest else "none"
    return f"{traffic.errors}/{traffic.requests}", outage


def _failover(result: Result) -> str:
    found = result.failover
    if not found:
        return ""
    both = f", two at work {found.overlap_s:.3f} s" if found.stale else ""
    return f"{found.estimate_s:.3f} s [{found.low_s:.3f}, {found.high_s:.3f}]{both}"


def _drawn(table: Table, width: int, colours: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=max(width, WIDEST), force_terminal=colours, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()
