import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.leadership import failover, reigns, work_every_s


def test_handover_by_expiry():
    history = made.history(
        made.work("a", 0, 10, 1), made.work("b", 27, 30, 2),
        made.lease(0, "a", 1, 0, 0), made.lease(8, "a", 1, 0, 8), made.lease(9.9, "a", 1, 0, 9.9),
        made.lease(26.9, "b", 2, 26.9, 26.9),
    )  # fmt: skip
    found = failover(history)
    assert found is not None
    assert (found.low_s, found.estimate_s, found.high_s) == pytest.approx((16.96, 16.98, 17.0))
    assert found.overlap_s == 0
    assert found.transitions == 1
    (one,) = found.handovers
    assert (one.old, one.new) == ("a", "b")
    assert one.last_renewal_ns == made.at(9.9)
    assert one.since_last_renewal_s == pytest.approx(17.0)


@given(st.floats(0.001, 20), st.floats(0, 0.02, exclude_max=True), st.floats(0, 0.02, exclude_max=True))
def test_bracket_holds_truth(gap, unseen_old, unseen_new):
    stop, start = 10 + unseen_old, 10 + unseen_old + gap
    found = failover(made.history(made.work("a", 0, 10, 1), made.work("b", start + unseen_new, start + 5, 2)))
    assert found is not None
    assert stop < start
    assert found.low_s - 1e-6 <= gap <= found.high_s + 1e-6


def test_overlap():
    found = failover(made.history(made.work("a", 0, 10, 1), made.work("b", 8, 20, 2)))
    assert found is not None
    assert found.overlap_s == pytest.approx(2)
    assert (found.low_s, found.estimate_s, found.high_s) == (0, 0, 0)
    assert found.handovers[0].gap_s == pytest.approx(-2)


def test_overlap_within_a_longer_reign():
    found = failover(made.history(made.work("a", 0, 10, 1), made.work("b", 4, 5, 2), made.work("c", 12, 13, 3)))
    assert found is not None
    assert found.overlap_s == pytest.approx(1)
    assert found.high_s == pytest.approx(2)
    assert [(one.old, one.new) for one in found.handovers] == [("a", "b"), ("a", "c")]


def test_the_same_leader_in_a_later_term_reigns_anew():
    history = made.history(made.work("a", 0, 1, 1), made.work("b", 3, 4, 2), made.work("a", 8, 9, 3))
    assert [one.identity for one in reigns(history)] == ["a", "b", "a"]
    found = failover(history)
    assert found is not None
    assert found.high_s == pytest.approx(4)


def test_no_handover():
    assert failover(made.history()) is None
    assert failover(made.history(made.work("a", 0, 10, 1))) is None


def test_release_writes_an_empty_holder():
    history = made.history(
        made.work("a", 0, 10, 1), made.work("b", 12, 14, 2),
        made.lease(9, "a", 1, 0, 9), made.lease(10, "", 1, 10, 10), made.lease(12, "b", 2, 12, 12),
    )  # fmt: skip
    found = failover(history)
    assert found is not None
    assert found.handovers[0].since_last_renewal_s == pytest.approx(3)


def test_unseen_lease_and_other_leases():
    records = [made.work("a", 0, 10, 1), made.work("b", 12, 14, 2)]
    bare = failover(made.history(*records))
    assert bare is not None
    assert bare.handovers[0].since_last_renewal_s is None
    other = failover(made.history(*records, made.lease(9, "a", 1, 0, 9)), lease="another")
    assert other is not None
    assert other.handovers[0].last_renewal_ns is None


def test_spacing_of_work():
    assert work_every_s(made.history(made.work("a", 0, 10, 1, every_s=0.05))) == pytest.approx(0.05)
    assert work_every_s(made.history()) == 0


def test_a_later_reign_of_either_leader_changes_nothing():
    history = made.history(
        made.work("a", 0, 10, 1), made.work("b", 27, 30, 2), made.work("a", 50, 51, 3), made.work("b", 70, 71, 4),
        made.lease(9, "a", 1, 0, 9), made.lease(26, "b", 2, 26, 26), made.lease(29, "b", 2, 26, 29),
        made.lease(49, "a", 3, 49, 49), made.lease(69, "b", 4, 69, 69),
    )  # fmt: skip
    found = failover(history)
    assert found is not None
    assert [one.since_last_renewal_s for one in found.handovers] == pytest.approx([17, 20, 20])
