"""Two runs side by side: better or worse only where the bounds tell."""

import pytest
import recorded
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.compare import Figure, compare, worsened
from harness.results import Result

RESULTS = recorded.results()
BAD, GOOD = RESULTS["delete-none"], RESULTS["delete-sleep"]


def renamed(result: Result, name: str = "shop", verdict: str = "pass") -> Result:
    return result.model_copy(update={"name": name, "verdict": verdict})


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (renamed(BAD), renamed(GOOD), "better"),
        (renamed(GOOD), renamed(BAD), "worse"),
        (renamed(BAD), renamed(BAD), "same"),
        (renamed(BAD, verdict="fail"), renamed(BAD), "better"),
        (renamed(BAD), renamed(GOOD, verdict="error"), "worse"),
        (renamed(BAD, verdict="inconclusive"), renamed(GOOD), "better"),
        (renamed(RESULTS["handover-expiry"]), renamed(RESULTS["handover-release"]), "better"),
    ],
)
def test_a_row_is_better_or_worse_by_its_verdict_else_by_its_figures(before, after, word):
    (change,) = compare([before], [after])
    assert change.word == word
    assert worsened([change]) == (word == "worse")


def test_rows_of_one_run_only_are_told():
    changes = compare([renamed(BAD, "old"), renamed(BAD)], [renamed(BAD), renamed(GOOD, "new")])
    assert [(one.name, one.word) for one in changes] == [
        ("old", "only before"),
        ("shop", "same"),
        ("new", "only after"),
    ]
    assert not worsened(changes)


def test_a_figure_that_gains_while_another_loses_is_mixed():
    long = BAD.traffic.outages[0].model_copy(update={"low_s": 90.0, "estimate_s": 91.0, "high_s": 92.0})
    longer = BAD.traffic.model_copy(update={"outages": [long], "errors": 0, "error_rate_below": 0.0001})
    (change,) = compare([renamed(BAD)], [renamed(BAD).model_copy(update={"traffic": longer})])
    assert change.word == "mixed"
    assert worsened([change])


SPANS = st.tuples(st.floats(0, 9), st.floats(0, 9)).map(sorted).map(tuple)


@given(SPANS, SPANS)
def test_overlapping_bounds_never_tell(before, after):
    word = Figure("outage", ("", ""), before, after).word
    apart = before[1] < after[0] or after[1] < before[0]
    assert (word in ("better", "worse")) == apart
    assert {"better": "worse", "worse": "better"}.get(word, word) == Figure("outage", ("", ""), after, before).word


def test_the_command_shows_each_row_and_exits_by_the_worst(tmp_path, capsys):
    base = recorded.Results.read(recorded.results_file("run"))
    for name, result in (("before", BAD), ("after", GOOD)):
        (tmp_path / name).mkdir()
        base.model_copy(update={"results": [renamed(result)]}).write(tmp_path / name / "results.json")
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("BETTER         B2 shop: pass → pass\n")
    assert "errors: 73/" in out
    assert "(better)\n" in out
    assert out.endswith("1 better\n")
    assert main(["compare", str(tmp_path / "after"), str(tmp_path / "before")]) == 1
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "is no run's folder" in capsys.readouterr().err
