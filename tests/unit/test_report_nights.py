import concurrent.futures
import pathlib
import re
import sqlite3

import made_run
import pytest

from harness.cli import main
from harness.errors import UsageError
from harness.results import Outage, Result, Results
from reports import trendpage
from reports.nights import ERRORS, FAILOVER, OUTAGE, Nights

HOSTILE = "</svg><script>alert(1)</script>"


def night(n: int, length_s: float, verdict: str = "pass", name: str = "rollout-naive") -> Results:
    """A run of one row with one outage."""
    outage = Outage(low_s=length_s - 0.01, estimate_s=length_s, high_s=length_s + 0.01, start_ns=0, end_ns=1, failed=9)
    result = Result(
        id="B1", name=name, path="rollout", verdict=verdict, why="w", traffic=made_run.traffic(1000, [outage])
    )
    made = made_run.a_run([result])
    started = f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}T02:00:00+00:00"
    return made.model_copy(update={"run": made.run.model_copy(update={"id": f"run-{n:03d}", "started": started})})


def kept(folder: pathlib.Path, lengths: list[float], **how: str) -> Nights:
    nights = Nights(folder / "nights.sqlite")
    for n, length_s in enumerate(lengths):
        assert nights.add(night(n, length_s, **how))
    return nights


def test_what_is_kept_comes_back_in_order(tmp_path: pathlib.Path) -> None:
    nights = kept(tmp_path, [2.0, 3.0])
    assert [run.id for run in nights.runs()] == ["run-000", "run-001"]
    series = nights.series()
    assert [(one.low, one.value, one.high) for one in series["rollout-naive", OUTAGE]] == [
        (1.99, 2.0, 2.01), (2.99, 3.0, 3.01),
    ]  # fmt: skip
    assert set(series) == {("rollout-naive", OUTAGE), ("rollout-naive", ERRORS)}


def test_a_run_added_again_counts_once(tmp_path: pathlib.Path) -> None:
    nights = kept(tmp_path, [2.0])
    assert not nights.add(night(0, 2.5))
    assert [one.value for one in nights.series()["rollout-naive", OUTAGE]] == [2.5]


def test_what_was_noisy_or_not_proved_is_no_figure(tmp_path: pathlib.Path) -> None:
    assert kept(tmp_path, [2.0, 2.0], verdict="inconclusive").series() == {}


def test_a_made_run_keeps_failovers_too(tmp_path: pathlib.Path) -> None:
    nights = Nights(tmp_path / "nights.sqlite")
    nights.add(made_run.write(tmp_path))
    assert {what for _, what in nights.series()} == {OUTAGE, ERRORS, FAILOVER}


def test_two_may_add_at_once(tmp_path: pathlib.Path) -> None:
    nights = Nights(tmp_path / "nights.sqlite")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda n: nights.add(night(n, 1.0)), range(16)))
    assert len(nights.runs()) == 16


def test_what_is_no_history_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        Nights(tmp_path / "none").runs()
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(UsageError, match="is no history of runs"):
        Nights(tmp_path / "text").runs()
    with sqlite3.connect(tmp_path / "new") as opened:
        opened.execute("pragma user_version = 9")
    with pytest.raises(UsageError, match="another version"):
        Nights(tmp_path / "new").runs()


def test_the_command_adds_judges_and_tells_by_its_exit_code(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steady = [2.0 + 0.01 * (n % 7) for n in range(30)]
    kept(tmp_path, [*steady, 3.0, 3.1])
    file, run = tmp_path / "nights.sqlite", tmp_path / "run"
    run.mkdir()
    night(32, 3.2).write(run / "results.json")
    page = tmp_path / "trend.html"
    assert main(["history", "add", str(file), str(run), "--html", str(page)]) == 3
    said = capsys.readouterr().out
    assert "added run-032" in said
    assert "SLOWER B1 rollout-naive: longest outage 3.200 s, usually 2.030 s; the last 3 nights are slower" in said
    assert "1 row is slower than the last 30 nights" in said
    assert "1 row is slower" in page.read_text()
    assert main(["history", "list", str(file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 33


def test_a_steady_row_is_no_alarm_and_few_nights_are_no_judgement(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, [2.0] * 5)
    assert main(["history", "show", str(tmp_path / "nights.sqlite")]) == 0
    assert capsys.readouterr().out == "5 of 23 nights: too few to judge\n"


def test_a_folder_that_is_no_run_is_said_so(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "add", str(tmp_path / "nights.sqlite"), str(tmp_path)]) == 1
    assert "is no run's folder" in capsys.readouterr().err


def test_the_page_draws_every_night_and_keeps_foreign_text_text(tmp_path: pathlib.Path) -> None:
    page = trendpage.render(kept(tmp_path, [1.0 + 0.01 * n for n in range(25)], name=HOSTILE))
    assert "<script>alert" not in page
    first = page.partition("<svg class")[2].partition("</svg>")[0]
    assert first.count("<circle") == 25
    moments = [float(x) for x in re.findall(r'cx="([0-9.]+)"', first)]
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] <= trendpage.WIDTH


def test_an_empty_history_has_a_page(tmp_path: pathlib.Path) -> None:
    nights = kept(tmp_path, [1.0])
    with sqlite3.connect(nights.path) as opened:
        opened.execute("delete from figures")
    assert "No run is kept yet" in trendpage.render(nights)
