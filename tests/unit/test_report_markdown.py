import pathlib

import made_run
import pytest
import recorded

from harness.results import Result, Results
from reports import markdown


@pytest.fixture
def results(tmp_path: pathlib.Path) -> Results:
    return made_run.write(tmp_path)


def test_one_line_a_row_each_with_as_many_cells_as_the_head(results: Results) -> None:
    lines = [line for line in markdown.render(results).splitlines() if line.startswith("|")]
    assert len(lines) == 2 * 2 + len(results.results)
    assert {line.count("|") for line in lines} == {8}
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| ❌ fail", "| 💥 error", "| ❔ inconclusive"]
    assert "1.931 s [1.923, 1.939]" in lines[7]


def test_a_whole_matrix_is_short_and_folded(tmp_path: pathlib.Path) -> None:
    whole = Results.read(recorded.whole(tmp_path) / "results.json")
    text = markdown.render(whole)
    assert len(text.encode()) < 100_000
    head = text.partition("<details>")[0]
    assert len(head.splitlines()) < 20
    assert "- **A server behind a Service**: ✅ 55 pass" in head


@pytest.mark.parametrize("most", [2_000, 3_000, 5_000, 20_000])
def test_it_never_grows_beyond_what_github_takes(tmp_path: pathlib.Path, most: int) -> None:
    whole = Results.read(recorded.whole(tmp_path) / "results.json")
    text = markdown.render(whole, most)
    assert len(text.encode()) <= most
    assert "The rest did not fit here" in text
    assert text.count("<details>") == text.count("</details>")


def test_it_says_how_long_the_stop_took(results: Results) -> None:
    for timings, words in (({"exit_s": 4.03, "ended_s": 5.0}, "4.030 s"), ({"ended_s": 4.98}, "≤ 5 s"), ({}, "")):
        stopped = results.results[0].model_copy(update={"timings": timings})
        row = next(
            one
            for one in markdown.render(results.model_copy(update={"results": [stopped]})).splitlines()
            if one.startswith("| ✅")
        )
        assert row.split(" | ")[5] == words


def test_what_needs_a_look_is_told_in_full(results: Results) -> None:
    text = markdown.render(results)
    assert text.startswith("## 1 failed, 1 harness error, 1 inconclusive, 4 of 7 passed")
    assert "### ❌ B5 liveness-kill-one" in text
    assert "- **did not hold**: exit code 0; seen: 137 (SIGKILL)" in text
    assert "again: `pytest suites -k liveness-kill-one`" in text
    assert "### ✅" not in text


def test_no_error_is_told_with_what_it_proves(results: Results) -> None:
    (clean, *_) = [result for result in results.results if result.traffic and not result.traffic.errors]
    assert clean.traffic is not None
    told = clean.traffic.model_copy(update={"statement": "0 of 9 requests failed: below 28.4 % at 95 %."})
    only = results.model_copy(update={"results": [clean.model_copy(update={"traffic": told})]})
    assert f"{clean.name}: 0 of 9 requests failed: below 28.4 % at 95 %." in markdown.render(only)


def test_foreign_text_stays_in_its_cell(results: Results) -> None:
    hostile = Result(id="X1", name="a|b\nc", path="p", verdict="fail", why="<img src=x> [x](http://e) `c` *d* @team #1")
    lines = markdown.render(results.model_copy(update={"results": [hostile]})).splitlines()
    row = next(line for line in lines if line.startswith("| ❌"))
    assert row.replace("\\|", "").count("|") == 8
    assert "<" not in row
    assert r"\[x\](http\://e) \`c\` \*d\* \@team \#1" in row


def test_code_is_fenced_by_more_backticks_than_it_has() -> None:
    assert markdown.code("a `b` ``c``") == "``` a `b` ``c`` ```"
