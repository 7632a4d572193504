import itertools

import made_run
import numpy as np
import pytest
from made_scenario import Made, ns

from harness.history import History
from harness.records import ClockSeen, LeaseSeen, ProbeStarted, Work
from harness.results import Failover, Handover, Phase, Result
from reports import leaders
from reports.figure import Bar, Figure, Line, Rows, Shots
from reports.shots import shots, thinned
from reports.timeline import figure


def drawn(made: tuple[Result, list], points: int = 5000, lines: int = 100) -> Figure:
    result, records = made
    found = figure(History(result.name, records), result, points, lines)
    assert found is not None
    return found


def lane(found: Figure, title: str) -> Rows:
    return next(one for one in found.lanes if isinstance(one, Rows) and one.title == title)


def states(bars: list[Bar]) -> list[str]:
    return [bar.state for bar in bars]


def test_zero_is_the_first_act() -> None:
    found = drawn(made_run.rollout_naive(40))
    assert [(act.at_s, act.shape) for act in found.acts] == [(0.0, "begin"), (0.04, "done")]
    assert found.zero.endswith("00:00:50.000+00:00")


def test_an_outage_is_drawn_within_its_bounds() -> None:
    (gap,) = drawn(made_run.rollout_naive(0)).gaps
    assert gap.from_s < gap.sure_from_s < gap.sure_to_s < gap.to_s
    assert gap.sure_to_s - gap.sure_from_s == pytest.approx(1.923)
    assert gap.to_s - gap.from_s == pytest.approx(1.939)
    assert (gap.from_s + gap.sure_from_s) / 2 == pytest.approx(1.278)


def test_every_failure_is_kept_however_few_good_ones_are() -> None:
    found = drawn(made_run.rollout_naive(0), points=10)
    (requests,) = (one for one in found.lanes if isinstance(one, Shots))
    assert len(requests.bad.at_s) == 193
    assert 0 < len(requests.good.at_s) <= 10
    assert requests.good_total == 2600 - 193
    assert {requests.words[i] for i in requests.bad.what} == {"refused at connect", "timeout at connect"}


def test_thinning_keeps_the_slowest_and_the_quickest() -> None:
    made = Made("B1", "thin", "p", "t", 0)
    made.probe(0, 100, [(0, "a")])
    requests = History("thin", made.records).requests("service")
    latency = requests.end_ns - requests.scheduled_ns
    kept = thinned(requests, np.arange(len(requests)), 100)
    assert len(kept) <= 100
    assert {latency.max(), latency.min()} <= set(latency[kept])
    assert list(kept) == sorted(kept)


def test_nothing_is_thinned_that_is_few() -> None:
    made = Made("B1", "few", "p", "t", 0)
    made.probe(0, 1, [(0, "a")])
    lane = shots(History("few", made.records).requests("service"), None, ns(0), 100)
    assert len(lane.good.at_s) == lane.good_total == 100


@pytest.mark.parametrize(("loop", "pace"), [("open", "one each 10 ms"), ("closed", "in a closed loop")])
def test_a_lane_says_how_its_requests_were_paced(loop, pace):
    made = Made("B1", "few", "rollout", "Few", 0.0)
    probe = ProbeStarted(ns(0), "users", 10_000_000, 0, "shop:80", "load", loop=loop)
    assert shots(History("few", made.records).requests("users"), probe, ns(0), 100).about.endswith(f"shop:80 · {pace}")


def test_a_pod_s_life() -> None:
    row = lane(drawn(made_run.rollout_naive(0)), "Pods").rows[0]
    assert states(row.bars) == ["pending", "running", "ready", "terminating", "exited"]
    assert row.bars[-1].end_s == pytest.approx(2.6)
    assert [(mark.shape, mark.text) for mark in row.marks] == [("signal", "SIGTERM"), ("exit", "exit 0")]


def test_a_restarted_container() -> None:
    row = lane(drawn(made_run.liveness_kill(0)), "Pods").rows[0]
    assert states(row.bars) == ["pending", "running", "ready", "exited", "running", "ready"]
    assert [(mark.shape, mark.text) for mark in row.marks] == [("killed", "exit 137"), ("restart", "restart 1")]


def test_endpoints_are_in_the_order_of_the_pods() -> None:
    found = drawn(made_run.delete_drain(0))
    endpoints = lane(found, "Endpoints")
    assert [row.label for row in endpoints.rows] == [row.label for row in lane(found, "Pods").rows]
    assert states(endpoints.rows[0].bars) == ["endpoint-ready", "endpoint-draining"]
    assert states(endpoints.rows[2].bars) == ["endpoint-unready", "endpoint-ready"]


def test_the_control_probe_and_the_noise_are_shown_where_they_matter() -> None:
    doubtful = drawn(made_run.evict_second(0))
    assert [one.title for one in doubtful.lanes if isinstance(one, Shots)] == [
        "Requests · service",
        "Requests · control",
    ]
    assert any(isinstance(one, Line) for one in doubtful.lanes)
    calm = drawn(made_run.rollout_naive(0))
    assert [one.title for one in calm.lanes if isinstance(one, Shots)] == ["Requests · service"]
    assert not any(isinstance(one, Line) for one in calm.lanes)


def test_a_lease_that_was_released_is_nobodys() -> None:
    found = drawn(made_run.handover(0, "h", 1.7, released=True, row="D2"))
    (row,) = lane(found, "Lease").rows
    assert states(row.bars) == ["holder0", "nobody", "holder1"]
    assert row.bars[1].text == "released"


def test_pauses_of_work_stay_visible_and_single_beats_too() -> None:
    beats = [Work(ns(t), "p", "id", n, 0) for n, t in enumerate((0.0, 0.02, 0.04, 0.06, 0.5, 0.52, 3.0))]
    rows = leaders.work(beats, None, [], {"id": "holder0"}, lambda t_ns: (t_ns - ns(0)) / 1e9)
    assert rows is not None
    assert [(round(b.start_s, 2), round(b.end_s, 2)) for b in rows.rows[0].bars] == [(0, 0.06), (0.5, 0.52), (3, 3)]


def test_work_of_two_at_once_is_an_overlap_and_no_gap() -> None:
    change = Handover(old="a", new="b", gap_s=-0.4, first_work_ns=ns(10))
    beats = [Work(ns(t), "p", who, 0, term) for who, term, t in (("a", 1, 9.96), ("a", 1, 10.4), ("b", 2, 10))]
    beats += [Work(ns(10 + n * 0.02), "p", who, n, term) for who, term in (("a", 1), ("b", 2)) for n in range(1, 20)]
    beats.sort(key=lambda beat: beat.t_ns)
    failover = Failover(low_s=0, estimate_s=0, high_s=0, handovers=[change])
    (bar,) = leaders.handovers(failover, beats, lambda t: (t - ns(0)) / 1e9)
    assert (bar.state, bar.start_s, bar.end_s) == ("overlap", 10, pytest.approx(10.38))
    assert bar.text == "0.380 s with two leaders"


def test_the_phases_of_a_handover_are_bars_between_their_moments() -> None:
    moments = [("act", 9.0, 9.2), ("last work", 9.1, 9.12), ("expired", 24, 26), ("first work", 26.0, 26.02)]
    found = [Phase.model_validate({"what": w, "low_ns": ns(a), "high_ns": ns(b)}) for w, a, b in moments]
    change = Handover(old="a", new="b", gap_s=1, first_work_ns=ns(26), phases=found)
    row = leaders.phases(
        Failover(low_s=0, estimate_s=0, high_s=0, handovers=[change]), lambda t: round((t - ns(0)) / 1e9, 3)
    )
    assert row is not None
    assert [(bar.text, bar.start_s, bar.end_s) for bar in row.bars] == [
        ("until its last work", 9.1, 9.11), ("until it expired", 9.11, 25), ("from expired to first work", 25, 26.01),
    ]  # fmt: skip
    assert "expired [24.000, 26.000] → first work [26.000, 26.020]" in row.bars[2].detail
    assert leaders.phases(None, float) is None


def test_an_identity_has_one_look_in_lease_and_work() -> None:
    seen = [LeaseSeen(ns(0), "l", "a", 0, 15, None, None), LeaseSeen(ns(1), "l", "b", 1, 15, None, None)]
    look = leaders.looks(seen, [Work(ns(0), "p", "b", 0, 0), Work(ns(0), "p", "c", 0, 0)])
    assert look == {"a": "holder0", "b": "holder1", "c": "holder2"}


def test_the_story_says_how_a_clock_is_known() -> None:
    result, records = made_run.rollout_naive(0)
    clock = ClockSeen(ns(1), "node-2", 5_000_000, 1_500_000, "15 round trips, by which it is 5.000 ms ahead")
    found = figure(History("x", [*records, clock]), result, 1000, 1000)
    assert found is not None
    (told,) = [one for one in found.story if one.source == "node node-2"]
    assert told.what == "its clock is known to 1.500 ms: 15 round trips, by which it is 5.000 ms ahead"


def test_the_story_leaves_out_what_is_far_from_the_act_and_says_so() -> None:
    found = drawn(made_run.rollout_naive(0), lines=2)
    assert [told.what.split(" ")[0] for told in found.story] == ["begin", "done"]
    assert found.story_left_out == 4
    assert [told.what for told in found.logs] == ["warmed the cache: 2104 entries in 1.9 s"]


def test_the_first_view_holds_all_requests_and_the_focus_the_outage() -> None:
    found = drawn(made_run.rollout_naive(0))
    assert found.view[0] < -7.9
    assert found.view[1] > 17.9
    assert found.focus is not None
    assert found.focus[0] < 1.278
    assert found.focus[1] > 3.2


def test_a_history_of_one_record_has_no_figure() -> None:
    result, records = made_run.rollout_naive(0)
    assert figure(History("x", records[:1]), result, 10, 10) is None


def test_latency_over_time_is_of_all_answered_requests_and_has_a_hole_in_the_outage() -> None:
    shots = next(lane for lane in drawn(made_run.rollout_naive(0), points=100).lanes if isinstance(lane, Shots))
    latency = shots.latency
    assert latency is not None
    assert sum(latency.count) == shots.good_total > 100
    assert all(a <= b <= c for a, b, c in zip(latency.p50, latency.p99, latency.max, strict=True))
    steps = [b - a for a, b in itertools.pairwise(latency.at_s)]
    assert max(steps) > 1.5 * latency.window_s > 1.4 * min(steps)
