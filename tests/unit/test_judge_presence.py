import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.expectation import Evidence
from harness.judge.presence import (
    LeastAvailable,
    MostThere,
    NodeGap,
    Overlap,
    available,
    counts,
    least,
    longest_gap_s,
    most,
    there,
)  # fmt: skip
from harness.lives import Span, lives
from harness.records import Act

ANY = ()


def spans(*pairs):
    return [Span(made.at(start), None if end is None else made.at(end)) for start, end in pairs]


def judged(expectation, *records):
    return expectation(Evidence(made.history(*records)))


def test_available_is_ready_and_not_being_deleted():
    records = (
        made.pod(0, ready=False), made.pod(1), made.pod(3, ready=False), made.pod(4),
        made.pod(6, deletion_s=36), made.pod(8, change="DELETED", deletion_s=36),
    )  # fmt: skip
    (life,) = lives(made.history(*records)).values()
    assert available(life) == spans((1, 3), (4, 6))
    assert there(life) == spans((0, 8))


def test_a_pod_that_has_failed_is_not_there():
    (life,) = lives(made.history(made.pod(0), made.pod(5, phase="Failed"), made.pod(9, change="DELETED"))).values()
    assert there(life) == spans((0, 5))


def test_at_once():
    some = spans((0, 4), (1, 6), (5, None))
    assert [count for _, count in counts(some)] == [1, 2, 1, 2, 1]
    assert most(some) == 2
    assert least(some, made.at(0)) == 1
    assert (most([]), least([], made.at(0))) == (0, 0)


def test_the_least_is_counted_from_a_moment_on():
    some = spans((0, None), (1, 2), (3, 5), (6, None))
    assert least(some, made.at(0.5)) == 1
    assert least(some, made.at(3)) == 1
    assert least(some, made.at(6)) == 2
    assert least(some, made.at(-1)) == 0


def test_gaps_between_spans():
    some = spans((0, 1), (3, 4), (4.5, None))
    assert longest_gap_s(some, made.at(0)) == pytest.approx(2)
    assert longest_gap_s(some, made.at(2.7)) == pytest.approx(0.5)
    assert longest_gap_s(some, made.at(5)) == 0, "what was before does not count"
    assert longest_gap_s(spans((0, 5), (2, None)), made.at(0)) == 0
    assert longest_gap_s(spans((0, 1)), made.at(0)) == 0, "what did not end is no gap: the history ends there"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=8))
def test_most_and_least_agree_with_counting_each_moment(pairs):
    some = [Span(start, start + length) for start, length in pairs]
    each = [sum(span.holds(t) for span in some) for t in range(80)]
    assert most(some) == max(each)
    assert least(some, 0) == min(each)


def replaced(gap_s, overlap_s=0.0):
    """Pod a on node n1 until 10, then pod b on the same node; the act comes at 5."""
    back = 10 + gap_s - overlap_s
    return (
        Act(made.at(5), "rollout", "deployment/a", "begin"),
        made.pod(0, "a"), made.pod(10, "a", deletion_s=40), made.pod(12, "a", change="DELETED", deletion_s=40),
        made.pod(max(1, back - 1), "b", ready=False), made.pod(back, "b"),
    )  # fmt: skip


def test_node_gap():
    assert judged(NodeGap(labels=ANY, at_least_s=4, at_most_s=6), *replaced(5)).holds is True
    assert judged(NodeGap(labels=ANY, at_least_s=4, at_most_s=6), *replaced(7)).holds is False
    assert judged(NodeGap(labels=ANY, at_most_s=0), *replaced(0, overlap_s=2)).holds is True
    assert judged(NodeGap(labels=ANY, at_most_s=0), *replaced(0.1)).holds is False
    assert judged(NodeGap(labels=(("app", "none"),), at_most_s=0), *replaced(0.1)).holds is None


def test_least_available():
    assert judged(LeastAvailable(labels=ANY, count=0), *replaced(1)).holds is True
    assert judged(LeastAvailable(labels=ANY, count=1), *replaced(1)).holds is False
    assert judged(LeastAvailable(labels=ANY, count=1), *replaced(0, overlap_s=1)).holds is True
    assert judged(LeastAvailable(labels=(("app", "none"),), count=1)).holds is None


def test_most_there():
    records = replaced(0, overlap_s=1)
    assert judged(MostThere(labels=ANY, at_least=2, at_most=2), *records).holds is True
    assert judged(MostThere(labels=ANY, at_least=3), *records).holds is False
    assert judged(MostThere(labels=ANY, at_most=1), *records).holds is False
    assert judged(MostThere(labels=(("app", "none"),), at_most=1), *records).holds is None


def at_work(end_s, began_s):
    """Pod a's container ended in the second `end_s`, pod b's process began at `began_s`."""
    end = made.container(0, "terminated", exit_code=137, reason="Error", finished_ns=made.at(end_s))
    return (
        made.pod(0, "a"),
        made.pod(20, "a", containers=[end]),
        made.pod(5, "b"),
        made.said(began_s, "started", "b"),
    )


def test_overlap_is_known_to_a_second():
    assert judged(Overlap(labels=ANY, at_least_s=3, at_most_s=5), *at_work(10, 6.5)).holds is True
    assert judged(Overlap(labels=ANY, at_least_s=4, at_most_s=5), *at_work(10, 6.5)).holds is None
    assert judged(Overlap(labels=ANY, at_least_s=5, at_most_s=6), *at_work(10, 6.5)).holds is False
    assert judged(Overlap(labels=ANY, at_most_s=0), *at_work(10, 11)).holds is True
    assert judged(Overlap(labels=ANY, at_most_s=0), *at_work(10, 10.5)).holds is None
    assert judged(Overlap(labels=ANY, at_most_s=0), *at_work(10, 9)).holds is False


def test_overlap_needs_both_pods_words():
    assert judged(Overlap(labels=ANY, at_most_s=0), *at_work(10, 11)[:-1]).holds is None
    assert judged(Overlap(labels=ANY, at_most_s=0), made.pod(0)).holds is None
