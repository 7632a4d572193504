"""The verdicts as JUnit XML, in the shape that Jenkins and its like read.

Inconclusive is no pass: it is a `failure` of the type `inconclusive`. A break of the harness itself is an `error`.
"""

from xml.etree import ElementTree as ET

from harness.results import Result, Results
from reports import text

HOLDS = {True: "held", False: "did not hold", None: "could not be told"}


def _outcome(case: ET.Element, result: Result) -> None:
    if result.verdict == "skip":
        ET.SubElement(case, "skipped", message=text.plain(result.why))
    elif result.verdict == "error":
        ET.SubElement(case, "error", type="error", message=text.plain(result.why)).text = body(result)
    elif result.verdict != "pass":
        ET.SubElement(case, "failure", type=result.verdict, message=text.plain(result.why)).text = body(result)


def body(result: Result) -> str:
    """What was expected and seen, what was felt, and the proof, as plain lines."""
    lines = [result.why]
    for item in result.expected:
        reason = f" ({item.reason})" if item.reason else ""
        lines.append(f"{HOLDS[item.holds]}: {item.what}; seen: {item.seen}{reason}")
    if result.traffic is not None:
        lines.append(f"requests: {result.traffic.requests}, error rate: {text.error_rate(result.traffic)}")
        lines.extend(f"outage: {text.outage(o)} {o.cause}".rstrip() for o in result.traffic.outages)
    if result.failover is not None:
        lines.append(f"failover: {text.failover(result.failover)}")
    lines.extend(f"proof: {proof}" for proof in result.proof)
    for advice in result.advice:
        lines += [f"advice ({advice.kind}): {advice.what}: {advice.why}", *advice.evidence, *advice.paste.splitlines()]
    lines.append(f"again: {text.rerun(result)}")
    return text.plain("\n".join(lines))


def render(results: Results) -> str:
    """The whole file."""
    rows, run = results.results, results.run
    found = text.counts(rows)
    numbers = {
        "tests": str(len(rows)),
        "failures": str(found.get("fail", 0) + found.get("inconclusive", 0)),
        "errors": str(found.get("error", 0)),
        "skipped": str(found.get("skip", 0)),
        "time": f"{run.duration_s:.3f}",
    }
    root = ET.Element("testsuites", {"name": "survive", **numbers})
    del root.attrib["skipped"]  # the readers' schema has it for a suite, not for all of them
    suite = ET.SubElement(root, "testsuite", {"name": "survive", "timestamp": text.plain(run.started[:19]), **numbers})
    properties = ET.SubElement(suite, "properties")
    cluster = run.cluster
    for name, value in (
        ("run", run.id), ("provider", cluster.provider), ("version", cluster.version), ("nodes", str(cluster.nodes)),
    ):  # fmt: skip
        ET.SubElement(properties, "property", name=name, value=text.plain(value))
    for result in rows:
        name = text.plain(f"{result.id} {result.name}")
        case = ET.SubElement(
            suite, "testcase", classname=text.plain(result.path), name=name, time=f"{result.duration_s:.3f}"
        )
        _outcome(case, result)
        ET.SubElement(case, "system-out").text = body(result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)
