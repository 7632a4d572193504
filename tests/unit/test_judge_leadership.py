import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.leadership import failover, work_every_s
from harness.records import Act, Work
from harness.reigns import reigns


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
    assert [one.identity for one in reigns(history.of(Work))] == ["a", "b", "a"]
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
    assert work_every_s(reigns(made.work("a", 0, 10, 1, every_s=0.05))) == pytest.approx(0.05)
    assert work_every_s(reigns([])) == 0


def test_a_later_reign_of_either_leader_changes_nothing():
    history = made.history(
        made.work("a", 0, 10, 1), made.work("b", 27, 30, 2), made.work("a", 50, 51, 3), made.work("b", 70, 71, 4),
        made.lease(9, "a", 1, 0, 9), made.lease(26, "b", 2, 26, 26), made.lease(29, "b", 2, 26, 29),
        made.lease(49, "a", 3, 49, 49), made.lease(69, "b", 4, 69, 69),
    )  # fmt: skip
    found = failover(history)
    assert found is not None
    assert [one.since_last_renewal_s for one in found.handovers] == pytest.approx([17, 20, 20])


def test_a_leader_that_stood_still_leaves_a_gap_and_works_on_beside_the_next():
    history = made.history(made.work("a", 0, 10, 1), made.work("b", 17, 30, 2), made.work("a", 22, 26, 1))
    found = failover(history)
    assert found is not None
    assert (found.low_s, found.high_s) == pytest.approx((6.96, 7))
    assert (found.overlap_s, found.overlap_high_s) == pytest.approx((4, 4.04))
    assert found.stale == 201
    assert len(found.handovers) == 1


def test_a_single_stale_piece_is_an_overlap():
    history = made.history(made.work("a", 0, 10, 1), made.work("b", 17, 30, 2), made.work("a", 22, 22, 1))
    found = failover(history)
    assert found is not None
    assert found.stale == 1
    assert found.overlap_s == 0
    assert found.overlap_high_s == pytest.approx(0.04)


def test_all_failovers_are_summed():
    history = made.history(made.work("a", 0, 10, 1), made.work("b", 12, 14, 2), made.work("c", 15, 16, 3))
    found = failover(history)
    assert found is not None
    assert (found.total_low_s, found.total_estimate_s, found.total_high_s) == pytest.approx((2.92, 2.96, 3))
    assert found.stale == 0


LEADERS = [
    *made.work("a", 0, 10, 1), *made.work("b", 27, 30, 2), made.lease(9.9, "a", 1, 0, 9.9),
    Act(made.at(9.95), "kill", "pod/a", "begin", detail={"holder": "a"}),
    Act(made.at(10.01), "kill", "pod/a", "done", detail={"holder": "a"}),
]  # fmt: skip


def told(*records):
    found = failover(made.history(LEADERS, *records))
    assert found is not None
    bounds = [(one.what, one.low_ns - made.BASE_NS, one.high_ns - made.BASE_NS) for one in found.handovers[0].phases]
    return [
        (what, pytest.approx(low / 1e9, abs=1e-6), pytest.approx(high / 1e9, abs=1e-6)) for what, low, high in bounds
    ]


def test_phases_of_an_expiry():
    taken = made.lease(26.95, "b", 2, 26.9, 26.9)
    assert told(taken) == [
        ("act", 9.95, 10.01), ("last work", 10, 10.02), ("expired", 24.9, 26.9), ("acquired", 26.9, 26.95),
        ("first work", 26.98, 27),
    ]  # fmt: skip


def test_phases_of_a_release():
    assert told(made.lease(12.1, "", 1, 12, 12), made.lease(26.95, "b", 2, 26.9, 26.9))[2] == ("released", 12, 12.1)


def test_phases_of_which_nothing_was_seen_are_left_out():
    assert [what for what, *_ in told()] == ["act", "last work", "first work"]
    too_soon = made.lease(20.95, "b", 2, 20.9, 20.9)
    assert "expired" not in [what for what, *_ in told(too_soon)]
