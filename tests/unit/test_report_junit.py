"""The shape is that of Jenkins' junit-10.xsd: which elements and attributes there are, in which order, and the sums."""

import pathlib
from xml.etree import ElementTree as ET

import made_run
import pytest
import recorded

from harness.results import Result, Results
from reports import junit

CASE_CHILDREN = {"skipped", "error", "failure", "system-out", "system-err", "properties"}


@pytest.fixture
def results(tmp_path: pathlib.Path) -> Results:
    return made_run.write(tmp_path)


@pytest.fixture
def root(results: Results) -> ET.Element:
    return ET.fromstring(junit.render(results))


def case(root: ET.Element, name: str) -> ET.Element:
    return next(one for one in root.iter("testcase") if one.get("name", "").endswith(name))


def test_it_has_the_shape_that_readers_expect(root: ET.Element, results: Results) -> None:
    assert root.tag == "testsuites"
    assert set(root.attrib) <= {"name", "time", "tests", "failures", "disabled", "errors"}
    allowed = {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"}
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) <= allowed
        assert [child.tag for child in suite] == ["properties"] + ["testcase"] * (len(suite) - 1)
    assert [suite.get("name", "")[:2] for suite in root] == ["B ", "C ", "D "]
    assert len(list(root.iter("testcase"))) == len(results.results)
    for one in root.iter("testcase"):
        assert set(one.attrib) == {"name", "classname", "time"}
        assert float(one.get("time", "")) >= 0
        assert {child.tag for child in one} <= CASE_CHILDREN
        assert len([child for child in one if child.tag in ("skipped", "error", "failure")]) <= 1
    for one in root.iter("property"):
        assert set(one.attrib) == {"name", "value"}


def test_the_sums_are_those_of_the_cases(root: ET.Element) -> None:
    sums = (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    for suite in root:
        for attribute, tag in sums:
            assert int(suite.get(attribute, "")) == len(list(suite.iter(tag))), attribute
    for attribute, tag in sums[:3]:
        assert int(root.get(attribute, "")) == len(list(root.iter(tag))), attribute
    assert root.get("failures") == "2"


def test_each_verdict_has_its_element(root: ET.Element) -> None:
    assert [child.tag for child in case(root, "rollout-naive")] == ["properties", "system-out"]
    failed = case(root, "liveness-kill-one").find("failure")
    assert failed is not None
    assert failed.get("type") == "fail"
    doubtful = case(root, "evict-second").find("failure")
    assert doubtful is not None
    assert doubtful.get("type") == "inconclusive"
    skipped = case(root, "preempt").find("skipped")
    assert skipped is not None
    assert "one schedulable node" in skipped.get("message", "")
    assert case(root, "C1 evict").find("error") is not None


def test_a_case_is_named_by_path_id_and_name_and_tells_expectations_and_proof(root: ET.Element) -> None:
    one = case(root, "rollout-naive")
    assert (one.get("classname"), one.get("name")) == ("rollout", "B1 rollout-naive")
    out = one.findtext("system-out", "")
    assert "held: outage > 0 s; seen: 1.931 s [1.923, 1.939] (restart-paths B1)" in out
    assert "proof: deployment/shop: generation 1 → 2" in out
    assert "outage: 1.931 s [1.923, 1.939] the new pod was ready before it listened" in out


def test_foreign_text_cannot_break_the_file(results: Results) -> None:
    hostile = Result(
        id="X1", name="a\x00]]><b>", path="p&q", verdict="fail", why="\x1b[31m<failure>\ud800", proof=["]]>"]
    )
    root = ET.fromstring(junit.render(results.model_copy(update={"results": [hostile]})))
    assert case(root, "<b>").get("classname") == "p&q"


def test_what_further_probers_saw_is_told(results: Results) -> None:
    row = recorded.results((recorded.MATRIX,))["inflight-abrupt"]
    out = junit.body(row)
    assert "Work in flight: Answered 57 of 69; Lost work 11; Doubled work 0" in out


def test_a_case_s_figures_are_properties(root: ET.Element) -> None:
    found = {one.get("name"): one.get("value") for one in case(root, "rollout-naive").iter("property")}
    assert found["longest_outage_s"] == "1.931"
    assert (found["requests"], found["errors"], found["verdict"]) == ("2600", "193", "pass")
