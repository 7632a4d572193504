import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import results
from harness.history import History
from harness.judge.expect import NoErrors, Outage, Seen
from harness.judge.timings import timings
from harness.judge.verdict import decide, judge
from harness.proof import Proof
from harness.records import Act, Lost, ScenarioEnded

EXPECTED = (NoErrors(),)
PROVED = Proof(["the pod got a new uid"])
CONTROL = made.probe(made.steady(3), "control", role="control")
HOLDS = st.sampled_from([True, False, None])


def expected(holds):
    return results.Expected(what="x", seen="y", holds=holds)


@given(
    error=st.sampled_from(["", "broke"]),
    found=st.lists(st.just("f"), max_size=2),
    missing=st.lists(st.just("m"), max_size=2),
    quiet=HOLDS,
    holds=st.lists(HOLDS, max_size=4),
)
def test_only_what_is_proved_quiet_and_told_passes(error, found, missing, quiet, holds):
    verdict, why = decide(error, Proof(found, missing), results.Noise(quiet=quiet), [expected(one) for one in holds])
    sound = not error and found and not missing and quiet is True and holds and None not in holds
    assert (verdict == "pass") == bool(sound and all(holds))
    assert (verdict == "fail") == bool(sound and not all(holds))
    assert (verdict == "error") == bool(error)
    assert why.endswith(".")
    assert "\n" not in why


def run(*records, proof=PROVED, expect=EXPECTED, rows=None, control=CONTROL, **options):
    rows = made.steady(3) if rows is None else rows
    error = options.pop("error", "")
    return judge(made.history(made.probe(rows), control, *records, error=error), proof, list(expect), **options)


def test_pass():
    found = run()
    assert found.verdict == "pass"
    assert (found.id, found.name, found.path) == ("B1", "rollout-naive", "rollout")
    assert found.proof == PROVED.found
    assert found.duration_s == 2001
    assert "no errors (seen: 0 of 300 requests failed (below 1.00 % at 95 %))" in found.why


def test_fail_says_what_was_seen():
    found = run(rows=made.steady(3, bad=(1, 2)))
    assert found.verdict == "fail"
    assert "100 of 300 requests failed" in found.why


def test_bad_variant_must_hurt():
    hurts = [Outage(at_least_s=0.5)]
    assert run(expect=hurts).verdict == "fail"
    assert run(expect=hurts, rows=made.steady(3, bad=(1, 2))).verdict == "pass"


BAD = made.steady(3, bad=(1, 2))


@pytest.mark.parametrize("rows", [BAD, made.steady(3)])
@pytest.mark.parametrize(
    "change",
    [
        {"proof": Proof()},
        {"proof": Proof(["a"], ["b"])},
        {"control": []},
        {"control": made.probe(BAD, "control", role="control")},
        {"expect": ()},
        {"expect": [Seen("x", lambda _: None)]},
        {"rows": []},
    ],
)
def test_inconclusive(rows, change):
    assert run(**{"rows": rows} | change).verdict == "inconclusive"


def test_lost_sight_is_inconclusive():
    assert run(Lost(made.at(1), "pods", "the watch broke")).verdict == "inconclusive"


def test_no_control_needed():
    assert run(control=[], needs_control=False).verdict == "pass"


def test_harness_error_comes_first():
    found = run(error="no API server", proof=Proof())
    assert found.verdict == "error"
    assert "no API server" in found.why


def test_scenario_that_never_ended_is_an_error():
    whole = made.history(made.probe(made.steady(3)), CONTROL)
    cut = History(whole.scenario, [one for one in whole.records if not isinstance(one, ScenarioEnded)])
    assert judge(cut, PROVED, [NoErrors()]).verdict == "error"


def test_timings_and_choice_of_probe():
    second = made.probe(made.steady(2), "second")
    records = [
        Act(made.at(1), "delete", "a", "begin"), made.pod(0.5), made.said(1.5, "signal"),
        made.said(2.5, "exit", code=0), made.pod(3, change="DELETED"), made.pod(2, "b"),
    ]  # fmt: skip
    found = run(second, *records, probe="second", timings={"extra_s": 1.0})
    assert found.traffic is not None
    assert found.traffic.requests == 200
    assert found.timings == pytest.approx(
        {"stop_signal_s": 0.5, "exit_s": 1.5, "gone_s": 2.0, "new_ready_s": 1.0, "extra_s": 1.0}
    )


def test_timings_begin_with_the_act():
    records = [made.pod(0), made.pod(0.2, "b"), made.said(0.5, "signal"), Act(made.at(1), "delete", "b", "begin")]
    found = run(*records, made.said(2, "signal", "b"))
    assert found.timings == {"stop_signal_s": 1.0}
    deleted = run(*records[:3], Act(made.at(1), "delete", "a", "begin"), made.pod(2, change="DELETED"))
    assert deleted.timings == {"gone_s": 1.0}


def test_result_survives_its_file(tmp_path):
    run_ = results.Run(id="r", started="s", duration_s=1, cluster=results.Cluster(provider="p", version="v", nodes=1))
    whole = results.Results(run=run_, results=[run(rows=BAD), run(made.work("a", 0, 1, 1), made.work("b", 2, 3, 2))])
    whole.write(tmp_path / "results.json")
    assert results.Results.read(tmp_path / "results.json") == whole


def test_a_silent_containers_end_is_known_to_the_second():
    ended = made.container(state="terminated", exit_code=0, finished_ns=made.at(6))
    history = made.history(
        Act(made.at(2), "delete", "pod/a", "begin", "uid-a"), made.pod(1), made.pod(2.1, deletion_s=12),
        made.pod(7, deletion_s=12, containers=[ended]), made.pod(9, change="DELETED", deletion_s=12),
    )  # fmt: skip
    assert {name: timings(history)[name] for name in ("ended_s", "gone_s")} == {"ended_s": 5.0, "gone_s": 7.0}
    assert "exit_s" not in timings(history)
