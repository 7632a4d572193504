"""A StatefulSet is rolled out anew (rows E2)."""

import pytest

from harness.deploy import server, stateful
from harness.disrupt import Rollout
from harness.judge.expect import Evidence, NoErrors, NoOutage, Seen
from harness.judge.presence import LeastAvailable
from harness.lives import lives
from harness.scenario import Scenario

REPLICAS = 3


def ordinals(evidence: Evidence) -> list[int]:
    """The ordinals of the pods in the order in which they were deleted."""
    gone = [life for life in lives(evidence.history).values() if life.deletion_seen_ns is not None]
    gone = [life for life in gone if "apps.kubernetes.io/pod-index" in life.labels]
    return [int(life.name.rpartition("-")[2]) for life in sorted(gone, key=lambda life: life.deletion_seen_ns or 0)]


FROM_THE_LAST = Seen(
    what="the pods went from the highest ordinal to the lowest",
    predicate=lambda seen: ordinals(seen) == list(reversed(range(REPLICAS))),
)


@pytest.mark.row("E2", "statefulset-ordered", "rollout", takes_s=32)
def test_an_ordered_stateful_set_restarts_one_pod_at_a_time(survive: Scenario) -> None:
    """OrderedReady: from the highest ordinal down, each only once the one before it is Ready again."""
    app = survive.deploy(stateful(server(replicas=REPLICAS, pre_stop_s=4)))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector, app.kind))
    labels = tuple(app.selector.items())
    survive.expect(FROM_THE_LAST, LeastAvailable(labels=labels, count=REPLICAS - 1), NoErrors(), NoOutage())


@pytest.mark.row("E2", "statefulset-parallel", "rollout", takes_s=32)
def test_parallel_management_does_not_hurry_an_update(survive: Scenario) -> None:
    """Parallel makes and scales pods at once, but an update still takes one at a time."""
    app = survive.deploy(stateful(server(replicas=REPLICAS, pre_stop_s=4), policy="Parallel"))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector, app.kind))
    labels = tuple(app.selector.items())
    survive.expect(FROM_THE_LAST, LeastAvailable(labels=labels, count=REPLICAS - 1), NoErrors(), NoOutage())


@pytest.mark.row("E2", "statefulset-two-at-once", "rollout", takes_s=25)
def test_max_unavailable_two_takes_two_pods_at_once(survive: Scenario) -> None:
    """maxUnavailable 2 (on by default since 1.37): two of three pods are away together."""
    app = survive.deploy(stateful(server(replicas=REPLICAS, pre_stop_s=4), policy="Parallel", max_unavailable=2))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector, app.kind))
    survive.expect(
        LeastAvailable(
            labels=tuple(app.selector.items()),
            count=REPLICAS - 2,
            reason="gate MaxUnavailableStatefulSet, on by default in 1.37 (kube_features.go:1839)",
        ),
        NoErrors(),
        NoOutage(),
    )
