"""The verdicts as Markdown, for a pull request or a step's summary on GitHub."""

import re

from harness.results import Result, Results, Use, Verdict
from reports import text
from reports.budget import cost, words
from reports.facts import probe_facts
from reports.topics import Summed, summed

MOST_BYTES = 900_000
"""GitHub refuses a step's summary of more than 1 MiB, and shows nothing of it."""

FEW = 20
"""Up to so many rows that need no look are not folded."""

MARKS: dict[Verdict, str] = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "skip": "⏭️", "error": "💥"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#!|~@&$]|:(?=//))")


def escaped(value: str) -> str:
    """Foreign text in one line, with nothing in it that Markdown or HTML would act on."""
    return _SPECIAL.sub(r"\\\1", text.plain(" ".join(value.split()))).replace(r"\<", "&lt;").replace(r"\>", "&gt;")


def code(value: str) -> str:
    """Foreign text as code, fenced by more backticks than it has itself."""
    value = text.plain(" ".join(value.split()))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", value)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def fenced(value: str) -> list[str]:
    """Lines of YAML as a block of code, fenced by more backticks than they have themselves."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", value)), default=0))
    return [f"{fence}yaml", *(text.plain(line) for line in value.rstrip().splitlines()), fence]


def _line(result: Result) -> str:
    cells = [
        f"{MARKS[result.verdict]} {result.verdict}",
        f"**{escaped(result.id)}** {escaped(result.name)}",
        escaped(result.why),
        text.error_rate(result.traffic).replace("<", "&lt;"),
        text.longest_words(result.traffic),
        text.stopped(result),
        text.failover(result.failover),
    ]
    return f"| {' | '.join(cells)} |"


def _detail(result: Result, use: Use | None) -> list[str]:
    lines = [f"### {MARKS[result.verdict]} {escaped(result.id)} {escaped(result.name)}", "", escaped(result.why), ""]
    marks = {True: "held", False: "**did not hold**", None: "*could not be told*"}
    lines += [f"- {marks[e.holds]}: {escaped(e.what)}; seen: {escaped(e.seen)}" for e in result.expected]
    for title, facts in probe_facts(result):
        lines.append(f"- {title}: {escaped('; '.join(f'{name} {value}' for name, value in facts))}")
    if (found := cost(result.traffic, use)) is not None:
        lines.append(f"- cost: {words(found)}")
    lines += [f"- proof: {escaped(proof)}" for proof in result.proof]
    lines += [f"- {escaped(note.title)}: {escaped(note.text)}" for note in result.notes]
    for advice in result.advice:
        lines += ["", f"→ **{escaped(advice.what)}** ({advice.kind}): {escaped(advice.why)}"]
        lines += [f"- {escaped(one)}" for one in advice.evidence]
        lines += ["", *fenced(advice.paste)] if advice.paste else []
    lines += [f"- {escaped(one.severity)}: {escaped(one.what)}" for one in result.findings if one.severity == "error"]
    return [*lines, "", f"- again: {code(text.rerun(result))}", ""]


HEAD = [
    "| Verdict | Row | What it says | Error rate | Longest outage | Stop took | Failover |",
    "|---|---|---|---:|---:|---:|---:|",
]


def _folded(summary: str, lines: list[str]) -> list[str]:
    return [f"<details><summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _clean(results: Results) -> list[str]:
    return [
        f"- **{escaped(one.id)}** {escaped(one.name)}: {escaped(one.traffic.statement)}"
        for one in results.results
        if one.traffic and not one.traffic.errors
    ]


def _tally(topic: Summed) -> str:
    counts = ", ".join(f"{MARKS[verdict]} {number} {verdict}" for verdict, number in topic.counts.items())
    return f"- **{topic.name}**: {counts}"


def render(results: Results, most: int = MOST_BYTES) -> str:
    """The whole file, at most `most` bytes: the run in one sentence, what needs a look in full, the rest folded.

    What would not fit is left out from the end, whole lines at a time, and said so.
    """
    run, rows = results.run, results.results
    cluster = f"{run.cluster.provider}, Kubernetes {run.cluster.version}, {run.cluster.nodes} nodes"
    urgent = sorted(
        (r for r in rows if r.verdict not in ("pass", "skip")), key=lambda r: text.VERDICTS.index(r.verdict)
    )
    rest = [row for row in rows if row.verdict in ("pass", "skip")]
    lines = [
        f"## {text.headline(rows)}",
        "",
        f"{escaped(cluster)} · {escaped(run.started)} · {text.duration(run.duration_s)}"
        f" · {text.explained(run.failed, run.without_cause)}",
        "",
        *(_tally(topic) for topic in summed(rows)),
        "",
    ]
    if urgent:
        lines += [*HEAD, *map(_line, urgent), ""]
        for result in urgent:
            lines += _detail(result, run.use)
    if rest:
        table = [*HEAD, *map(_line, rest)]
        few = len(rest) <= FEW
        lines += [*table, ""] if few else _folded(f"{len(rest)} rows that passed or were skipped", table)
    if clean := _clean(results):
        lines += _folded("No error is a bound too", clean)
    lines += [f"Calibration: {escaped(text.calibration(run.calibration))}.", ""]
    return _within(lines, most)


def _within(lines: list[str], most: int) -> str:
    whole = "\n".join(lines)
    if len(whole.encode()) <= most:
        return whole
    note = "\n\n</details>\n\nThe rest did not fit here: see report.html.\n"
    left, kept = most - len(note.encode()), []
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    folds = sum(line.startswith("<details>") for line in kept) - kept.count("</details>")
    return "\n".join(kept) + (note if folds else note.replace("</details>\n\n", ""))
