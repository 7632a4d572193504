import pytest
import recorded
from made_scenario import ns

from harness.results import Outage, Result, Traffic, Verdict
from reports import text


def a_result(verdict: Verdict, name: str = "row") -> Result:
    return Result(id="B1", name=name, path="p", verdict=verdict, why="w")


def a_traffic(errors: int, below: float = 0.0) -> Traffic:
    return Traffic(requests=1000, errors=errors, error_rate=errors / 1000, error_rate_below=below)


def test_bracket_is_estimate_then_bounds() -> None:
    assert text.bracket(1.196, 1.204, 1.212) == "1.204 s [1.196, 1.212]"
    assert text.bracket(119.9, 120.04, 120.2) == "120.0 s [119.9, 120.2]"


def test_an_outage_without_end_has_no_upper_bound() -> None:
    lasting = Outage(low_s=2, estimate_s=2.1, high_s=2.2, start_ns=ns(0), end_ns=ns(2.1), failed=9, ended=False)
    assert text.outage(lasting) == "over 2.000 s"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.193, "19.3 %"), (0.0193, "1.93 %"), (0.00052, "0.052 %"), (0.000007, "0.00070 %"), (0, "0 %")],
)
def test_percent_has_the_digits_it_deserves(share: float, words: str) -> None:
    assert text.percent(share) == words


@pytest.mark.parametrize(("share", "words"), [(0.00125, "< 0.13 %"), (0.0012, "< 0.12 %"), (0.0101, "< 1.01 %")])
def test_an_upper_bound_is_rounded_up(share: float, words: str) -> None:
    assert text.below(share) == words


def test_no_error_is_told_as_a_bound_and_no_traffic_as_nothing() -> None:
    assert text.error_rate(a_traffic(0, below=0.003)) == "0 (< 0.30 %)"
    once = a_traffic(0, below=0.003).model_copy(update={"restarts": 1, "restarts_failing_below": 0.95})
    assert text.error_rate(once) == "0 (< 0.30 %; 1 restart: < 95.0 %)"
    assert text.error_rate(a_traffic(30, below=0.04)) == "3.00 %"
    assert text.error_rate(None) == ""
    assert text.longest_words(None) == ""
    assert text.longest_words(a_traffic(0)) == "none"


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([], "No row was run"),
        (["pass"], "The row passed"),
        (["pass", "pass", "skip"], "All 2 rows passed"),
        (["skip"], "Every row was skipped"),
        (["pass", "inconclusive", "fail", "skip"], "1 failed, 1 inconclusive, 1 of 3 passed"),
        (["error", "error"], "2 harness errors, 0 of 2 passed"),
    ],
)
def test_headline(verdicts: list[Verdict], words: str) -> None:
    assert text.headline([a_result(verdict) for verdict in verdicts]) == words


@pytest.mark.parametrize(
    ("value_s", "words"),
    [(4.25, "4.2 s"), (48, "48 s"), (754.2, "12 min 34 s"), (3899.9, "1 h 05 min"), (59.9, "1 min 00 s")],
)
def test_duration(value_s: float, words: str) -> None:
    assert text.duration(value_s) == words


def test_plain_drops_what_xml_forbids_and_what_reorders_text() -> None:
    assert text.plain("a\x00b\x1bc\u202ed\ud800e\x7f\ufffff") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd\ufffdf"
    assert text.plain("tab\tand\nline, ümläut 🙂") == "tab\tand\nline, ümläut 🙂"


def test_the_command_to_run_again_is_safe_to_paste() -> None:
    assert text.rerun(a_result("pass", "rollout-naive")) == "pytest suites -k rollout-naive"
    assert text.rerun(a_result("pass", "a; rm -rf ~")) == "pytest suites -k 'a; rm -rf ~'"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("15 s + two looks of up to 4.4 s; talk: 17 s", [("talk", "17 s")]),
        ("the floor; the articles: 20 s; that was a bug", [("articles", "20 s")]),
        ("the talk: at once", [("talk", "at once")]),
        ("smalltalk: none, and a talk without a figure", []),
        ("", []),
    ],
)
def test_figures_told_elsewhere_are_read_from_reasons(reason: str, found: list[tuple[str, str]]) -> None:
    assert text.elsewhere(reason) == found


def test_rows_whose_seed_differs_from_kubernetes_say_so() -> None:
    told = {
        result.id for result in recorded.results((*recorded.RECORDINGS, recorded.MATRIX)).values()
        for item in result.expected if text.elsewhere(item.reason)
    }  # fmt: skip
    assert told >= {"A9", "A10", "A11", "A14", "D1", "D2", "D3", "D6"}
