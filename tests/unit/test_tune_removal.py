"""How long a removed endpoint is reached, by made requests from two nodes."""

import math

import histories as made
import pytest

from harness.judge.bounds import upper_bound
from harness.records import Act
from harness.tune.removal import Removal, by_node, removals, spread

LABELS = {"app": "shop"}
PODS = [
    made.pod(0, "a", node="n1", labels=LABELS), made.pod(0, "b", node="n2", labels=LABELS),
    made.pod(0, "here", node="n1"), made.pod(0, "there", node="n3"), made.pod(0, "near", node="n2"),
]  # fmt: skip
ACTS = [Act(made.at(5), "delete", "pod/a", "begin", "uid-a"), Act(made.at(5.02), "delete", "pod/a", "done", "uid-a")]


def asked(until_s: float, pod: str, name: str, *, end_s: float = 9, step_s: float = 0.01) -> list:
    """A prober that reaches `a` and `b` in turn until a moment, then `b` alone."""
    due = [n * step_s for n in range(round(end_s / step_s))]
    rows = [made.row(t, pod="a" if n % 2 and t < until_s else "b") for n, t in enumerate(due)]
    return made.probe(rows, name, pod=pod)


def seen(*probers, signal_s: float = 13.0):
    gone = [made.pod(5.01, "a", node="n1", deletion_s=20, labels=LABELS), made.said(signal_s, "signal", "a")]
    return removals(made.history(PODS, ACTS, gone, *probers), LABELS)


def test_the_last_connection_to_the_pod_tells_from_each_node():
    own, beside, other = seen(
        asked(5.3, "here", "service"), asked(5.3, "near", "service-from-n2"), asked(6.1, "there", "service-from-n3")
    )
    assert [one.seen_from for one in (own, beside, other)] == ["own", "beside", "apart"]
    assert own.low_s == pytest.approx(0.28, abs=0.011)
    assert own.low_s < own.high_s < own.low_s + 0.12
    assert other.low_s == pytest.approx(1.08, abs=0.011)


def test_a_pod_that_nobody_reaches_any_more_was_removed_at_once():
    (one,) = seen(asked(4.99, "here", "service"))
    assert (one.low_s, one.high_s > 0) == (0.0, True)
    assert one.high_s < 0.15


def test_a_pod_that_was_not_routed_to_before_tells_nothing():
    assert seen(asked(3.0, "here", "service")) == []


def test_a_pod_that_is_reached_to_its_end_was_not_seen_to_be_removed():
    (one,) = seen(asked(8.9, "here", "service"), signal_s=9.0)
    assert math.isinf(one.high_s)
    assert spread([one], "from all nodes") is None
    assert by_node([one]) == []


def test_each_deletion_counts_once_by_the_slowest_node():
    found = [Removal(f"u{n}", at, 0.1, n / 10 + (at == "own")) for n in range(1, 21) for at in ("apart", "own")]
    whole, own, others = by_node(found)
    assert [one.count for one in (whole, own, others)] == [20, 20, 20]
    assert (whole.least_s, whole.most_s, others.most_s) == (1.1, 3.0, 2.0)
    assert whole.share == 1 - upper_bound(0, 20)
    assert whole.median_s <= whole.half_s < whole.most_s
    assert "from all nodes: 20 removals took 1.10 to 3.00 s" in whole.words
    assert "at 95 % at least 86 % of all take no longer" in whole.words
    assert spread(found[:2], "from all nodes").half_s is None
