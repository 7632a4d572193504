"""Shifted clocks: what pods say is put right, and what may still be wrong is known."""

import dataclasses

import histories as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clocks import Offset, offsets
from harness.history import History
from harness.judge.leadership import failover
from harness.judge.traffic import by_probe
from harness.records import AppSaid, Beats, ClockSeen, LeaseSeen, ProbeStarted, Record, RequestBatch, Task, Work

MS = made.MS


def clock(node: str, offset_ms: float, error_ms: float, t_s: float = 0) -> ClockSeen:
    return ClockSeen(made.at(t_s), node, round(offset_ms * MS), round(error_ms * MS), "round trips")


def test_the_hull_of_before_and_after_holds_a_drift():
    found = offsets([clock("n1", 100, 2), clock("n1", 108, 1), clock("n2", 0, 0)])
    assert found == {"n1": Offset(round(103.5 * MS), round(5.5 * MS)), "n2": Offset(0, 0)}


def shifted(records: list[Record], nodes: dict[str, float]) -> list[Record]:
    """What pods on nodes with clocks so many ms ahead would have said."""
    by_pod = {"a": "n1", "load": "n3", "pod-a": "n1", "pod-b": "n2"}
    moved = []
    for one in records:
        pod = "load" if isinstance(one, RequestBatch) else getattr(one, "pod", "")
        by_ns = round(nodes.get(by_pod.get(pod, ""), 0) * MS)
        if isinstance(one, RequestBatch):
            rows = [[row[0] + by_ns, *row[1:]] for row in one.rows]
            moved.append(dataclasses.replace(one, rows=rows))
        elif isinstance(one, AppSaid | Work):
            moved.append(dataclasses.replace(one, t_ns=one.t_ns + by_ns))
        elif isinstance(one, LeaseSeen) and one.renew_ns is not None and one.acquire_ns is not None:
            by_ns = round(nodes["n1" if one.holder.startswith("pod-a") else "n2"] * MS)
            moved.append(dataclasses.replace(one, renew_ns=one.renew_ns + by_ns, acquire_ns=one.acquire_ns + by_ns))
        else:
            moved.append(one)
    return moved


def leaders() -> list[Record]:
    return [
        made.pod(0, "pod-a", node="n1"), made.pod(0, "pod-b", node="n2"),
        *made.work("pod-a_1", 0, 10, 1, pod="pod-a"), *made.work("pod-b_1", 17, 20, 2, pod="pod-b"),
        made.lease(9, "pod-a_1", 1, 0, 9), made.lease(16.9, "pod-b_1", 2, 16.9, 16.9),
    ]  # fmt: skip


@given(st.floats(-5000, 5000), st.floats(-5000, 5000), st.floats(0, 20), st.floats(-1, 1), st.floats(-1, 1))
def test_the_bracket_of_a_failover_holds_the_truth_whatever_the_clocks_say(one, two, error, at_one, at_two):
    told = shifted(leaders(), {"n1": one, "n2": two})
    measured = [clock("n1", one + at_one * error, error), clock("n2", two + at_two * error, error)]
    found = failover(made.history(told, measured))
    assert found is not None
    assert found.low_s - 1e-6 <= 7 <= found.high_s + 1e-6
    assert found.high_s - found.low_s == pytest.approx(0.04 + 4 * error / 1000, abs=1e-4)
    (change,) = found.handovers
    assert change.since_last_renewal_s == pytest.approx(7.9, abs=2 * error / 1000 + 1e-6)


def test_without_a_correction_the_same_clocks_would_show_two_leaders():
    told = shifted(leaders(), {"n1": 9_000, "n2": 0})
    found = failover(made.history(told))
    assert found is not None
    assert found.overlap_s > 1
    right = failover(made.history(told, clock("n1", 9_000, 1)))
    assert right is not None
    assert right.overlap_s == 0


def test_requests_and_what_pods_say_are_put_right_once():
    told = [*made.probe([made.row(1), made.row(2)], pod="load"), made.said(3, "signal")]
    records = [
        made.pod(0, "load", node="n3"), made.pod(0, "a", node="n1"), clock("n1", -300, 1), clock("n3", 250, 1),
        *shifted(told, {"n1": -300, "n3": 250}),
    ]  # fmt: skip
    history = made.history(records)
    again = History(history.scenario, history.records)
    for one in (history, again):
        assert one.requests("service").scheduled_ns.tolist() == [made.at(1), made.at(2)]
        assert [said.t_ns for said in one.of(AppSaid)] == [made.at(3)]
        assert one.clocks.of_probe("service") == Offset(0, MS)


def test_an_outage_has_wider_bounds_by_another_clock():
    rows = made.probe(made.steady(6, bad=(1, 5)), pod="load")
    same, other = (
        by_probe(made.history(made.pod(0, "load", node="n3"), rows, clock("n3", 0, error)))["service"]
        for error in (0, 7)
    )
    assert (same.clock_error_s, other.clock_error_s) == (0, 0.007)
    (exact,), (wide,) = same.outages, other.outages
    assert wide.low_s == pytest.approx(exact.low_s - 0.004, abs=1e-4)
    assert wide.high_s == pytest.approx(exact.high_s + 0.004, abs=1e-4)


def test_who_gave_a_lease_up_wrote_its_times():
    lease = [made.lease(9, "pod-a_1", 1, 0, 9), made.lease(10, "", 1, 10, 10)]
    told = [dataclasses.replace(one, renew_ns=(one.renew_ns or 0) + 500 * MS) for one in lease]
    history = made.history(made.pod(0, "pod-a", node="n1"), clock("n1", 500, 0), told)
    assert [one.renew_ns for one in history.of(LeaseSeen)] == [made.at(9), made.at(10)]


def test_heartbeats_and_the_ledger_are_put_right_too():
    records = [
        clock("n1", 5_000, 1), clock("n2", -3_000, 1), made.pod(0, "web", node="n1"), made.pod(0, "load", node="n2"),
        ProbeStarted(made.at(0), "sse", 1, 1, "web:80", "stream", "load"),
        Beats(made.at(1), "sse", 0, [[made.at(1), "7", 1, 0]]), Task(made.at(1), "web", "k", "done"),
    ]  # fmt: skip
    (beats,), (task,) = made.history(records).of(Beats), made.history(records).of(Task)
    assert (beats.rows[0][0], beats.rows[0][1:]) == (made.at(4), ["7", 1, 0])
    assert task.t_ns == made.at(-4)
