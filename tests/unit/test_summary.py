import pathlib
import re

import made_run

from harness import summary
from harness.results import Failover, Result

REPORT = pathlib.Path("out/run/report.html")


def plain(*results, width=120):
    drawn = list(summary.lines(made_run.a_run(list(results)), REPORT, width, colours=False))
    assert not any("\x1b" in line for line in drawn), "a file gets no terminal's codes"
    return [line.rstrip() for line in drawn]


def result(name="rollout-naive", verdict="pass", **more):
    return Result(id="B1", name=name, path="rollout", verdict=verdict, why="because", duration_s=30.4, **more)


def test_a_row_of_the_table():
    traffic = made_run.traffic(2600, [made_run.outage(1, 0.5, 50, "x"), made_run.outage(9, 1.931, 193, "y")])
    head, row, counts, report = plain(result(traffic=traffic))
    assert head.split() == ["row", "name", "verdict", "errors", "longest", "outage", "failover", "time"]
    assert re.split(r"  +", row) == ["B1", "rollout-naive", "PASS", "243/2600", "1.931 s [1.923, 1.939]", "30 s"]
    assert counts == "1 pass in 754 s on embedded"
    assert report == "report: out/run/report.html"


def test_no_outage_and_a_failover():
    failover = Failover(low_s=0.49, estimate_s=0.512, high_s=0.53)
    (_, quiet, led, *_) = plain(result(traffic=made_run.traffic(9, [])), result(failover=failover))
    assert re.split(r"  +", quiet)[3:] == ["0/9", "none", "30 s"]
    assert re.split(r"  +", led)[3:] == ["0.512 s [0.490, 0.530]", "30 s"]


def test_what_did_not_pass_is_told_but_for_skips():
    verdicts = ("inconclusive", "pass", "fail", "error", "skip", "fail")
    told = plain(*(result(name=f"row-{n}", verdict=verdict) for n, verdict in enumerate(verdicts)))
    assert told[7:11] == [
        "INCONCLUSIVE B1 row-0: because", "FAIL B1 row-2: because", "ERROR B1 row-3: because", "FAIL B1 row-5: because",
    ]  # fmt: skip
    assert told[11] == "1 pass, 2 fail, 1 inconclusive, 1 skip, 1 error in 754 s on embedded"


def test_no_rows():
    assert plain()[-2] == "no rows in 754 s on embedded"


def test_a_narrow_terminal_cuts_no_row():
    failover = Failover(low_s=0.49, estimate_s=0.512, high_s=0.53)
    traffic = made_run.traffic(26_000_000, [made_run.outage(9, 1.931, 193, "y")])
    wide = result(name="a-name-that-is-rather-long-" * 3, verdict="inconclusive", traffic=traffic, failover=failover)
    assert "0.512 s [0.490, 0.530]" in plain(wide, width=40)[1]


def test_every_verdict_has_a_colour():
    verdicts = Result.model_fields["verdict"].annotation.__args__
    assert set(summary.COLOURS) == set(verdicts)


def test_a_terminal_has_colours():
    drawn = list(summary.lines(made_run.a_run([result()]), REPORT, 120, colours=True))
    assert any("\x1b[32mPASS" in line for line in drawn)


def test_one_line_for_a_row():
    traffic = made_run.traffic(2600, [made_run.outage(9, 1.931, 193, "y")])
    failover = Failover(low_s=0.49, estimate_s=0.512, high_s=0.53)
    assert summary.line(result(traffic=traffic)) == (
        "PASS B1 rollout-naive, 193/2600 failed, outage 1.931 s [1.923, 1.939], 30 s"
    )
    assert summary.line(result(traffic=made_run.traffic(9, []))) == "PASS B1 rollout-naive, 0/9 failed, 30 s"
    assert summary.line(result(verdict="fail", failover=failover)) == (
        "FAIL B1 rollout-naive, failover 0.512 s [0.490, 0.530], 30 s"
    )
