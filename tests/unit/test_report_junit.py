"""The shape is that of Jenkins' junit-10.xsd: which elements and attributes there are, in which order, and the sums."""

import pathlib
from xml.etree import ElementTree as ET

import made_run
import pytest

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
    (suite,) = root
    assert suite.tag == "testsuite"
    assert set(suite.attrib) <= {
        "name",
        "tests",
        "failures",
        "errors",
        "skipped",
        "time",
        "timestamp",
        "hostname",
        "id",
    }
    assert [child.tag for child in suite] == ["properties"] + ["testcase"] * len(results.results)
    for one in suite.iter("testcase"):
        assert set(one.attrib) == {"name", "classname", "time"}
        assert float(one.get("time", "")) >= 0
        assert {child.tag for child in one} <= CASE_CHILDREN
        assert len([child for child in one if child.tag in ("skipped", "error", "failure")]) <= 1
    for one in suite.iter("property"):
        assert set(one.attrib) == {"name", "value"}


def test_the_sums_are_those_of_the_cases(root: ET.Element) -> None:
    suite = root[0]
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute, "")) == len(list(suite.iter(tag))), attribute
    assert suite.get("failures") == "2"


def test_each_verdict_has_its_element(root: ET.Element) -> None:
    assert [child.tag for child in case(root, "rollout-naive")] == ["system-out"]
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
