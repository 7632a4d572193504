"""The verdicts as Markdown, for a pull request or a step's summary on GitHub."""

import re

from harness.results import Result, Results, Verdict
from reports import text

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


def _detail(result: Result) -> list[str]:
    lines = [f"### {MARKS[result.verdict]} {escaped(result.id)} {escaped(result.name)}", "", escaped(result.why), ""]
    marks = {True: "held", False: "**did not hold**", None: "*could not be told*"}
    lines += [f"- {marks[e.holds]}: {escaped(e.what)}; seen: {escaped(e.seen)}" for e in result.expected]
    lines += [f"- proof: {escaped(proof)}" for proof in result.proof]
    for advice in result.advice:
        lines += ["", f"→ **{escaped(advice.what)}** ({advice.kind}): {escaped(advice.why)}"]
        lines += [f"- {escaped(one)}" for one in advice.evidence]
        lines += ["", *fenced(advice.paste)] if advice.paste else []
    lines += [f"- {escaped(one.severity)}: {escaped(one.what)}" for one in result.findings if one.severity == "error"]
    return [*lines, "", f"- again: {code(text.rerun(result))}", ""]


def render(results: Results) -> str:
    """The whole file: the run in one sentence, the table, and what needs a look in full."""
    run = results.run
    cluster = f"{run.cluster.provider}, Kubernetes {run.cluster.version}, {run.cluster.nodes} nodes"
    lines = [
        f"## {text.headline(results.results)}",
        "",
        f"{escaped(cluster)} · {escaped(run.started)} · {text.duration(run.duration_s)}"
        f" · {text.explained(run.failed, run.without_cause)}",
        "",
        "| Verdict | Row | What it says | Error rate | Longest outage | Stop took | Failover |",
        "|---|---|---|---:|---:|---:|---:|",
        *(_line(result) for result in results.results),
        "",
        f"Calibration: {escaped(text.calibration(run.calibration))}.",
        "",
    ]
    if clean := [(r, r.traffic.statement) for r in results.results if r.traffic and not r.traffic.errors]:
        lines += ["No error is a bound too:", ""]
        lines += [f"- **{escaped(one.id)}** {escaped(one.name)}: {escaped(told)}" for one, told in clean]
        lines.append("")
    for result in results.results:
        if result.verdict in ("error", "fail", "inconclusive"):
            lines += _detail(result)
    return "\n".join(lines)
