import histories as made
import pytest

from harness.judge.expectation import Evidence
from harness.judge.routing import Answers, EndpointWhile, LastAnswer, Silence
from harness.records import Act

ACT = Act(made.at(2), "delete", "pod/a", "begin", "uid-a")
PODS = [made.pod(0, "a"), made.pod(0, "b")]
TERMINATING = made.endpoint("a", ready=False, terminating=True)
UNREADY = made.endpoint("a", ready=False, serving=False, terminating=True)
BEFORE = made.endpoints(0, made.endpoint("a"), made.endpoint("b"))
LEFT = made.endpoints(2.1, TERMINATING, made.endpoint("b"))


def evidence(*records):
    return Evidence(made.history(ACT, PODS, *records))


def asked(*rows):
    return made.probe(list(rows))


def test_an_endpoint_that_serves_and_terminates():
    serving = EndpointWhile(service="shop")
    assert serving(evidence(BEFORE, LEFT)).holds
    assert serving(evidence(BEFORE, LEFT)).seen == "ready=false serving=true"
    assert not serving(evidence(BEFORE)).holds
    assert not serving(evidence(BEFORE, made.endpoints(2.1, UNREADY))).holds
    ready = made.endpoint("a", terminating=True)
    assert not serving(evidence(BEFORE, made.endpoints(2.1, ready), LEFT)).holds
    assert serving(Evidence(made.history(PODS, BEFORE, LEFT))).holds is None
    defeated = EndpointWhile(service="shop", serving=False)
    assert defeated(evidence(BEFORE, LEFT, made.endpoints(3, UNREADY))).holds
    assert not defeated(evidence(BEFORE, LEFT)).holds


def test_the_last_answer_counts_from_when_the_endpoint_left():
    rows = asked(made.row(2.0), made.row(3.1, 100), made.row(3.5, pod="b"), made.row(9, error="refused"))
    seen = LastAnswer(service="shop", at_most_s=1.5)(evidence(BEFORE, LEFT, rows))
    assert (seen.holds, seen.seen) == (True, "1.100 s")
    assert not LastAnswer(service="shop", at_most_s=1)(evidence(BEFORE, LEFT, rows)).holds
    assert not LastAnswer(service="shop", at_least_s=1.2)(evidence(BEFORE, LEFT, rows)).holds
    assert LastAnswer(service="shop", at_least_s=1.1)(evidence(BEFORE, LEFT, rows)).holds


def test_a_request_that_was_under_way_is_no_new_one():
    late = asked(made.row(2.0, 5000))
    assert LastAnswer(service="shop", at_most_s=1)(evidence(BEFORE, LEFT, late)).seen == "0.000 s"


def test_what_comes_after_the_endpoint_is_back_does_not_count():
    back = made.endpoints(5, made.endpoint("a"), made.endpoint("b"))
    rows = asked(made.row(2.5), made.row(5.5))
    seen = LastAnswer(service="shop", at_most_s=1)(evidence(BEFORE, LEFT, back, rows))
    assert (seen.holds, seen.seen) == (True, "0.401 s")


def test_what_comes_after_the_pod_may_be_ready_again_does_not_count_even_if_the_watch_tells_later():
    back = made.endpoints(5, made.endpoint("a"), made.endpoint("b"))
    rows = asked(made.row(2.5), made.row(4.99))
    late, done = (
        Act(made.at(4.2), "pass-readiness", "pod/a", "begin", "uid-a"),
        Act(made.at(2.2), "delete", "pod/a", "done", "uid-a"),
    )
    limit = LastAnswer(service="shop", at_most_s=1)
    assert limit(evidence(BEFORE, LEFT, back, rows, late, done)).seen == "0.401 s"
    assert limit(evidence(BEFORE, LEFT, back, rows, done)).seen == "2.891 s"


@pytest.mark.parametrize("records", [[BEFORE, LEFT], [BEFORE, asked(made.row(2.5))]])
def test_without_requests_or_a_change_the_last_answer_cannot_be_told(records):
    assert LastAnswer(service="shop", at_most_s=1)(evidence(*records)).holds is None


def test_silence_is_between_good_answers_and_at_both_ends():
    rows = [made.row(1), made.row(1.2, error="refused"), made.row(1.4)]
    assert Silence(at_most_s=0.41)(evidence(asked(*rows))).holds
    assert not Silence(at_most_s=0.39)(evidence(asked(*rows))).holds
    never = asked(made.row(1), made.row(5, error="refused"))
    assert Silence(at_most_s=2)(evidence(never)).seen == "4.000 s"
    assert Silence(at_most_s=2)(evidence()).holds is None


def test_answers_of_a_status_are_counted():
    bad = made.row(1, error="status")
    bad[7] = 502
    seen = evidence(asked(bad, made.row(2)))
    assert Answers(status=502, at_least=1)(seen).holds
    assert not Answers(status=502, at_most=0)(seen).holds
    assert not Answers(status=502, at_least=2)(seen).holds
    assert Answers(status=502, at_most=0)(evidence(asked(made.row(2)))).holds
    assert Answers(status=502, at_most=0)(evidence()).holds is None
