import json
import random

import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_server import Server, Span

from harness import calibration, cli, manifests
from harness.calibrate import calibrate, cluster, compare, local, plan
from harness.calibrate.compare import Trial, Truth
from harness.history import History
from harness.records import Log
from harness.results import Calibrated, Calibration, ClientSeen, FaultSeen, Noise
from reports import text
from workloads.faults import drop

QUIET = Noise(quiet=True)


def truth(span, fault="refuse", partial=False):
    return Truth(fault, made.at(span.start_s), made.at(span.end_s), partial)


@given(st.integers(0, 2**32), st.sampled_from([*plan.FAULTS, plan.ONE_OF_K]), st.integers(1, 30))
def test_outages_are_planned_well_apart_and_as_long_as_they_should(seed, fault, count):
    spans = plan.spans(random.Random(seed), [fault, "rst"], count, 2000.0)
    assert [span.fault for span in spans] == [[fault, "rst"][n % 2] for n in range(count)]
    ends = [plan.FIRST_MS, *(span.end_ms for span in spans)]
    assert all(800 <= span.start_ms - end <= 1300 for span, end in zip(spans, ends, strict=False))
    assert all(plan.shortest_ms(span.fault) <= span.length_ms <= 2000.0001 for span in spans)


def test_lengths_are_spread_from_the_shortest_to_the_longest():
    lengths = [span.length_ms for span in plan.spans(random.Random(1), ["rst"], 400, 2000.0)]
    assert min(lengths) < 25
    assert max(lengths) > 1500
    assert 150 < sorted(lengths)[200] < 270  # log-uniform: the median is the geometric mean, 200


def test_a_trial_finds_each_outage_its_error_and_whether_its_bracket_holds():
    spans = [Span("refuse", 2.0, 2.3), Span("refuse", 4.0, 5.0)]
    requests = Server(spans).asked(1, 7.0)
    found = compare.trial(requests, [truth(span) for span in spans], QUIET)
    assert [one.held for one in found.compared] == [True, True]
    assert all(abs(one.error_s) < 0.012 for one in found.compared)
    assert found.false_failures == 0
    assert found.probes_without_fault == pytest.approx(570, abs=5)


def test_a_stall_is_found_though_it_is_shorter_than_the_judge_would_take_for_one():
    span = Span("stall", 2.0, 2.2)
    found = compare.trial(Server([span]).asked(1, 4.0), [truth(span, plan.STALL)], QUIET).compared[0]
    assert found.held
    assert found.seen[0].kind == "stall"


def test_what_was_not_seen_or_seen_twice_does_not_hold():
    span = Span("refuse", 2.0, 2.3)
    unseen = compare.trial(made.requests(made.steady(4)), [truth(span)], QUIET).compared[0]
    assert (unseen.error_s, unseen.held) == (None, False)
    whole = Span("refuse", 1.0, 3.0)
    parts = Server([Span("refuse", 1.0, 1.1), Span("refuse", 2.9, 3.0)]).asked(1, 5.0)
    twice = compare.trial(parts, [truth(whole)], QUIET).compared[0]
    assert (len(twice.seen), twice.held) == (2, False)


def test_a_wrong_truth_is_noticed():
    span = Span("refuse", 2.0, 2.3)
    longer = Truth("refuse", made.at(2.0), made.at(2.35))
    found = compare.trial(Server([span]).asked(1, 4.0), [longer], QUIET).compared[0]
    assert not found.held
    assert found.error_s == pytest.approx(-0.05, abs=0.012)


def test_a_failure_away_from_every_fault_is_a_false_one():
    rows = [made.row(n * 0.01, error="reset" if n == 20 else "") for n in range(100)]
    found = compare.trial(made.requests(rows), [Truth("refuse", made.at(0.6), made.at(0.7))], QUIET)
    assert found.false_failures == 1
    found = compare.trial(made.requests(rows), [Truth("refuse", made.at(0.19), made.at(0.22))], QUIET)
    assert found.false_failures == 0


def test_too_much_noise_is_told():
    span = Span("refuse", 2.0, 2.3)
    requests = Server([span]).asked(1, 4.0)
    assert compare.trial(requests, [truth(span)], QUIET).loud == ""
    loud = compare.trial(requests, [truth(span)], Noise(quiet=False, why="late")).loud
    assert loud == "too noisy for refuse: late"


def trials(errors_ms, held=True, partial=False, probes=40_000, false=0):
    span = Truth("one of 2" if partial else "rst", 0, 10**9, partial)
    compared = [compare.Compared(span, one / 1000, held) for one in errors_ms]
    return [Trial(compared, probes, false)]


def test_the_table_has_bias_and_sd_of_full_outages_and_brackets_of_all():
    table = compare.table([*trials([1, 3]), *trials([90], held=False, partial=True)], 10.0, {})
    assert (table.outages, table.bias_ms, table.sd_ms) == (3, 2.0, pytest.approx(1.414, abs=1e-3))
    assert table.bracket_share == pytest.approx(0.6667)
    assert table.by_fault["one of 2"] == FaultSeen(outages=1, bias_ms=90.0, sd_ms=0.0, bracket_share=0.0)


@pytest.mark.parametrize(
    ("made_trials", "full", "said"),
    [
        (trials([0] * 300), True, ""),
        (trials([1.5] * 300), True, "bias +1.50 ms, over 1 ms"),
        (trials([6, -6] * 150), True, "sd 6.01 ms, over 4.5 ms"),
        (trials([0] * 300, false=1), True, "1 false failures in 40,000 probes"),
        (trials([0] * 299), True, "299 outages, fewer than 300"),
        (trials([0] * 300, probes=29_999), True, "29,999 probes without a fault, below 30,000"),
        ([*trials([0] * 296), *trials([0] * 4, held=False)], True, "98.67% of brackets hold, below 99 %"),
        ([*trials([0] * 30), *trials([0] * 2, held=False)], False, "2 of 32 brackets do not hold the truth"),
        ([*trials([9] * 31), *trials([0], held=False)], False, ""),
    ],
)
def test_each_target_that_is_missed_is_told(made_trials, full, said):
    assert "; ".join(compare.missed(compare.table(made_trials, 10.0, {}), full)) == said


def test_a_client_that_hides_a_break_misses_its_target():
    counted = {"wrk": ClientSeen(broken=124, seen=124), "hey": ClientSeen(broken=124, seen=0)}
    table = compare.table(trials([0] * 300), 10.0, counted)
    assert compare.missed(table, full=True) == ["hey saw 0 of 124 broken requests"]


def a_calibration(**more):
    table = compare.table(trials([0.2, -0.1] * 160), 10.0, {"prober": ClientSeen(broken=9, seen=9)})
    values = {"made": "2026-01-02T03:04:05+00:00", "machine": "2 cores", "command": "survive calibrate", "full": True}
    return Calibrated(**values | {"table": table} | more)


def test_the_last_one_is_kept_and_read_again(tmp_path):
    assert calibration.last(tmp_path) is None
    kept = a_calibration(missed=["bias"])
    assert calibration.keep(tmp_path, a_calibration()) == calibration.keep(tmp_path, kept)
    assert calibration.last(tmp_path) == kept
    assert calibration.keep(tmp_path, a_calibration(full=False)) is None
    assert calibration.last(tmp_path) == kept
    (tmp_path / calibration.FILE).write_text("{}")
    assert calibration.last(tmp_path) is None


def test_it_is_told_as_a_table_and_in_one_line():
    made_one = a_calibration(left_out=["the cluster: it does not run"], missed=["bias +2 ms"])
    lines = calibrate.lines(made_one)
    assert "| rst | 320 | +0.05 | 0.15 | 100.0% |" in lines
    assert "Broken requests on kept connections, prober: 9 seen of 9." in lines
    assert lines[-2:] == ["Left out: the cluster: it does not run.", "MISSED: bias +2 ms."]
    line = text.calibration(made_one)
    assert line.startswith("320 injected outages at 10 ms spacing: bias +0.05 ms, sd 0.15 ms, 100.0% of brackets hold")
    assert line.endswith("(survive calibrate, 2026-01-02, 2 cores); missed: bias +2 ms")
    assert text.calibration(None) == "not calibrated on this machine (survive calibrate)"


@pytest.mark.parametrize(("missed", "code"), [([], 0), (["bias"], 1)])
def test_the_command_keeps_writes_and_fails_if_a_target_is_missed(tmp_path, monkeypatch, capsys, missed, code):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    asked = []

    def fake(effort, progress, command, where):
        asked.append((effort.full, command, where.why))
        return a_calibration(missed=missed)

    monkeypatch.setattr(cli, "calibrate", fake)
    out = tmp_path / "table.json"
    assert cli.main(["calibrate", "--quick", "--cluster", "none", "--json", str(out)]) == code
    assert asked == [(False, "survive calibrate --quick", "not asked for")]
    assert list(json.loads(out.read_text())) == list(Calibration.model_fields)
    assert calibration.last(tmp_path).missed == missed
    assert "| **all** | 320 |" in capsys.readouterr().out


def test_without_a_cluster_that_runs_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    whys = []
    monkeypatch.setattr(cli, "calibrate", lambda *given: whys.append(given[-1].why) or a_calibration())
    assert cli.main(["calibrate", "--name", "none"]) == 0
    assert whys == ["the cluster none does not run; survive cluster up starts it"]


def test_each_kind_of_fault_has_a_server_with_its_windows_and_a_prober():
    found = local.pairs(random.Random(1), plan.Effort.of(quick=True))
    assert [pair.fault for pair in found] == [*plan.FAULTS, plan.GOAWAY, plan.DROPPED_SYN, plan.ONE_OF_K]
    assert all(len(pair.spans) == 4 for pair in found)
    one_of = found[-1].windows()
    assert one_of[0].startswith("--window=rst:")
    assert one_of[-1] == "--one-of=2"
    assert all(pair.probes * 10 > pair.spans[-1].end_ms + 2000 for pair in found)


def test_without_root_dropped_packets_are_left_out_with_the_reason(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert local.left_out() == {plan.DROPPED_SYN: "it takes root to drop packets in a network namespace"}


def test_on_the_cluster_the_pod_has_its_outages_as_arguments_and_tells_of_them_in_its_log():
    spans = plan.spans(random.Random(1), plan.ON_CLUSTER, 3, 500.0, cluster.FIRST_MS)
    app = cluster.app(spans)
    container = manifests.main_container(app.manifests[0])
    assert container["args"][:2] == ["--host=0.0.0.0", "--port=8080"]
    assert container["args"][2].startswith("--window=refuse:")
    lines = ['{"kind":"listening","t_ns":1,"port":8080}', '{"kind":"window","t_ns":5,"fault":"rst","end_ns":9}', "else"]
    seen = History(
        "c", [*(Log(n, "faults-1", "faults", line) for n, line in enumerate(lines)), Log(9, "load", "", lines[1])]
    )
    assert cluster.truths(seen) == [Truth("rst, on the cluster", 5, 9)]


def test_by_how_much_the_truth_may_err_is_allowed_for():
    span = Span("refuse", 2.0, 2.3)
    requests = Server([span]).asked(1, 4.0)
    wrong = Truth("refuse", made.at(2.0), made.at(2.35), error_ns=50_000_000)
    assert compare.trial(requests, [wrong], QUIET).compared[0].held


def test_dropped_packets_have_windows_in_milliseconds():
    assert drop.window("1.5:20") == (1_500_000, 21_500_000)
    with pytest.raises(ValueError, match="unpack"):
        drop.window("1")
