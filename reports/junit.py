"""The verdicts as JUnit XML, in the shape that GitHub, GitLab and Jenkins read: a suite for each topic.

Inconclusive is no pass: it is a `failure` of the type `inconclusive`. A break of the harness itself is an `error`.
"""

from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree as ET

from harness.results import Result, Results, Run, Use
from reports import text
from reports.budget import cost, words
from reports.facts import probe_facts
from reports.topics import OWN, Summed, summed

HOLDS = {True: "held", False: "did not hold", None: "could not be told"}


def _outcome(case: ET.Element, result: Result, use: Use | None) -> None:
    if result.verdict == "skip":
        ET.SubElement(case, "skipped", message=text.plain(result.why))
    elif result.verdict == "error":
        ET.SubElement(case, "error", type="error", message=text.plain(result.why)).text = body(result, use)
    elif result.verdict != "pass":
        ET.SubElement(case, "failure", type=result.verdict, message=text.plain(result.why)).text = body(result, use)


def body(result: Result, use: Use | None = None) -> str:
    """What was expected and seen, what was felt, and the proof, as plain lines."""
    lines = [result.why]
    for item in result.expected:
        reason = f" ({item.reason})" if item.reason else ""
        lines.append(f"{HOLDS[item.holds]}: {item.what}; seen: {item.seen}{reason}")
    if result.traffic is not None:
        lines.append(f"requests: {result.traffic.requests}, error rate: {text.error_rate(result.traffic)}")
        lines.extend(f"outage: {text.outage(o)} {o.cause}".rstrip() for o in result.traffic.outages)
        lines.extend(f"cause: {cause}: {number}" for cause, number in result.traffic.causes.items())
    if (found := cost(result.traffic, use)) is not None:
        lines.append(f"cost: {words(found)}")
    if result.failover is not None:
        lines.append(f"failover: {text.failover(result.failover)}")
    for title, facts in probe_facts(result):
        lines.append(f"{title}: {'; '.join(f'{name} {value}' for name, value in facts)}")
    lines.extend(f"finding: {one.severity}: {one.object}: {one.what}" for one in result.findings)
    lines.extend(f"proof: {proof}" for proof in result.proof)
    for advice in result.advice:
        lines += [f"advice ({advice.kind}): {advice.what}: {advice.why}", *advice.evidence, *advice.paste.splitlines()]
    lines.append(f"again: {text.rerun(result)}")
    return text.plain("\n".join(lines))


def _figures(result: Result) -> Iterator[tuple[str, str]]:
    yield "verdict", result.verdict
    yield "path", result.path
    if (traffic := result.traffic) is not None:
        yield "requests", str(traffic.requests)
        yield "errors", str(traffic.errors)
        if worst := text.longest(traffic):
            yield "longest_outage_s", f"{worst.estimate_s:.3f}"
        if traffic.latency_ms:
            yield "latency_p99_ms", f"{traffic.latency_ms.p99:g}"
    if result.failover is not None:
        yield "failover_s", f"{result.failover.estimate_s:.3f}"


def _properties(parent: ET.Element, pairs: Iterable[tuple[str, str]]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in pairs:
        ET.SubElement(properties, "property", name=name, value=text.plain(value))


def _numbers(rows: Sequence[Result], time_s: float) -> dict[str, str]:
    found = text.counts(list(rows))
    return {
        "tests": str(len(rows)),
        "failures": str(found.get("fail", 0) + found.get("inconclusive", 0)),
        "errors": str(found.get("error", 0)),
        "time": f"{time_s:.3f}",
    }


def _suite(root: ET.Element, topic: Summed, run: Run) -> None:
    attributes = {
        "name": topic.name if topic.key == OWN else f"{topic.key} {topic.name}",
        "timestamp": text.plain(run.started[:19]),
        **_numbers(topic.results, sum(result.duration_s for result in topic.results)),
        "skipped": str(topic.counts.get("skip", 0)),
    }
    suite = ET.SubElement(root, "testsuite", attributes)
    cluster = run.cluster
    _properties(suite, (
        ("run", run.id), ("provider", cluster.provider), ("version", cluster.version), ("nodes", str(cluster.nodes)),
    ))  # fmt: skip
    for result in topic.results:
        name, path = text.plain(f"{result.id} {result.name}"), text.plain(result.path)
        case = ET.SubElement(suite, "testcase", classname=path, name=name, time=f"{result.duration_s:.3f}")
        _properties(case, _figures(result))
        _outcome(case, result, run.use)
        ET.SubElement(case, "system-out").text = body(result, run.use)


def render(results: Results) -> str:
    """The whole file: a suite for each topic."""
    run = results.run
    root = ET.Element("testsuites", {"name": "survive", **_numbers(results.results, run.duration_s)})
    for topic in summed(results.results):
        _suite(root, topic, run)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)
