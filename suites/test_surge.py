"""A rollout creates first, deletes first, or stops all (rows B4)."""

import pytest

from harness.deploy import server
from harness.disrupt import Rollout
from harness.judge.expect import Evidence, NoErrors, NoOutage, Outage, Seen, SomeErrors
from harness.judge.presence import LeastAvailable, MostThere
from harness.proof import pods
from harness.scenario import Scenario

REPLICAS = 2
START_UP_S = 2


def left_ready(evidence: Evidence, count: int) -> bool | None:
    """Whether, whenever an old pod's deletion was seen, so many others had become Ready and were not being deleted.

    Had become, not were: a pod may be Ready for a moment and then not for a second, and its Deployment goes by the
    moment (docs/discoveries.md).
    """
    found = pods(evidence.history, app="server")
    gone = [(life, life.deletion_seen_ns) for life in found if life.deletion_seen_ns is not None]
    left = [
        sum(
            other is not life
            and other.ready_ns is not None
            and other.ready_ns <= at_ns
            and not (other.deletion_seen_ns is not None and other.deletion_seen_ns <= at_ns)
            for other in found
        )
        for life, at_ns in gone
    ]
    return all(one == count for one in left) if len(left) == REPLICAS else None


@pytest.mark.row("B4", "rollout-surge", "rollout", takes_s=27)
def test_with_a_surge_a_new_pod_is_ready_before_an_old_one_goes(survive: Scenario) -> None:
    """maxSurge 1, maxUnavailable 0: one more pod than wanted, and never one less."""
    app = survive.deploy(server(replicas=REPLICAS, pre_stop_s=4, max_surge=1, max_unavailable=0))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        Seen(
            what=f"as each old pod went {REPLICAS} others had become Ready",
            predicate=lambda seen: left_ready(seen, REPLICAS),
            reason="maxUnavailable 0",
        ),
        MostThere(
            labels=tuple(app.selector.items()),
            at_least=REPLICAS + 1,
            reason="maxSurge 1; those that terminate are not counted",
        ),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("B4", "rollout-delete-first", "rollout", takes_s=22)
def test_without_a_surge_an_old_pod_goes_before_a_new_one_comes(survive: Scenario) -> None:
    """maxSurge 0, maxUnavailable 1: half the capacity is gone meanwhile, though with a drain no request is lost."""
    app = survive.deploy(server(replicas=REPLICAS, pre_stop_s=4, max_surge=0, max_unavailable=1))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        Seen(
            what=f"as each old pod went {REPLICAS - 1} other had become Ready",
            predicate=lambda seen: left_ready(seen, REPLICAS - 1),
            reason="maxSurge 0, maxUnavailable 1",
        ),
        NoErrors(),
        NoOutage(),
    )


@pytest.mark.row("B4", "rollout-recreate", "rollout", takes_s=28)
def test_recreate_is_a_full_gap(survive: Scenario) -> None:
    """Recreate: no new pod is made until every old one is gone, so nobody answers from the old ones' end on."""
    args = ["--startup-delay-s", str(START_UP_S)]
    app = survive.deploy(server(replicas=REPLICAS, recreate=True, args=args))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        LeastAvailable(labels=tuple(app.selector.items()), count=0, reason="all old pods stop first"),
        SomeErrors(),
        Outage(
            at_least_s=START_UP_S,
            at_most_s=START_UP_S + 10,
            reason="the start-up delay; besides the old pods' way off the API (the kubelet looks once a second, up to"
            " 3 s), a new pod's start (3 s), two probes (2 s) and kube-proxy's second",
        ),
    )
