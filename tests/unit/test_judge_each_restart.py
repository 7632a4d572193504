"""Each of many restarts by itself."""

import histories as made

from harness.judge.each_restart import EachRestart, restarts
from harness.judge.expect import ErrorRate, Latency, NoErrors, NoOutage, Outage
from harness.judge.expectation import Evidence
from harness.records import Act

STRICT = {"delete": [NoErrors(), NoOutage()], "rollout": [NoErrors(), NoOutage()]}


def begun(at_s: float, path: str = "delete") -> Act:
    return Act(made.at(at_s), "restart", "restart/1", "begin", detail={"path": path})


def history(*acts: Act, bad: tuple[float, float] = (0, 0), error: str = "refused"):
    return made.history(list(acts), made.probe(made.steady(30, bad, error)))


def test_a_failure_counts_for_the_restart_that_it_follows():
    found = restarts(history(begun(5), begun(15, "rollout"), bad=(16, 16.1)), STRICT)
    assert [(one.path, one.holds) for one in found] == [("delete", True), ("rollout", False)]
    assert "10 of 1,500 requests failed" in found[1].seen
    told = EachRestart(limits=STRICT)(Evidence(history(begun(5), begun(15), bad=(16, 16.1))))
    assert (told.what, told.holds) == ("each of 2 restarts keeps its limits", False)
    assert told.seen.startswith("2 of 2 (delete): no errors (seen: 10 of")


def test_what_was_before_the_first_restart_does_not_count():
    told = EachRestart(limits=STRICT)(Evidence(history(begun(15), bad=(3, 4))))
    assert (told.holds, told.seen) == (True, "all did")


def test_the_limits_are_those_of_the_path_and_not_zero_by_themselves():
    limits = {"delete": [ErrorRate(at_most=0.02), Outage(at_most_s=0.2)], "rollout": [NoErrors()]}
    found = restarts(history(begun(5), begun(15, "rollout"), bad=(6, 6.1)), limits)
    assert [one.holds for one in found] == [True, True]
    longer = restarts(history(begun(5), begun(15, "rollout"), bad=(6, 6.4)), limits)
    assert [one.holds for one in longer] == [False, True]


def test_late_answers_break_a_limit_on_them():
    rows = [made.row(t / 100, 300 if 600 <= t < 700 else 1) for t in range(2000)]
    seen = made.history([begun(5), begun(10)], made.probe(rows))
    assert [one.holds for one in restarts(seen, {"delete": [Latency(p99_ms_at_most=100)]})] == [False, True]


def test_what_cannot_be_told_of_a_restart_does_not_count_as_kept():
    seen = made.history(begun(5), made.probe(made.steady(2)))
    (one,) = restarts(seen, STRICT)
    assert (one.holds, one.seen.startswith("no errors (seen: no requests were measured)")) == (None, True)
    assert EachRestart(limits=STRICT)(Evidence(seen)).holds is False


def test_without_restarts_nothing_can_be_told():
    assert EachRestart(limits=STRICT)(Evidence(made.history(made.probe(made.steady(2))))).holds is None
    assert EachRestart(limits=STRICT).of_traffic
