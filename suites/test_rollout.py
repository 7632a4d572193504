"""A Deployment is rolled out anew (rows B1): the talk's demo, before and after."""

import pytest

from harness.deploy import server
from harness.disrupt import Rollout
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.judge.presence import MostThere
from harness.scenario import Scenario

START_UP_S = 2


@pytest.mark.core
@pytest.mark.row("B1", "rollout-naive", "rollout")
def test_a_naive_rollout_is_down_for_about_its_start_up_delay(survive: Scenario) -> None:
    """Without probes a new pod counts as ready before it listens, and the old one is stopped at once."""
    app = survive.deploy(server(replicas=1, args=["--startup-delay-s", str(START_UP_S)], probes=False))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        SomeErrors(),
        Outage(
            at_least_s=START_UP_S - 1.5,
            at_most_s=START_UP_S + 1.5,
            reason="the start-up delay, less the time from the container's start to its being seen and the old pod's"
            " signal (the kubelet looks once a second), plus the interpreter's start",
        ),
    )


@pytest.mark.core
@pytest.mark.row("B1", "rollout-correct", "rollout")
def test_a_rollout_with_probes_and_a_drain_loses_nothing(survive: Scenario) -> None:
    """Startup and readiness probes, and a preStop sleep of 4 s: the same app is never down."""
    app = survive.deploy(server(replicas=1, args=["--startup-delay-s", str(START_UP_S)], pre_stop_s=4))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.row("E1", "rollout-terminating", "rollout")
def test_pods_that_terminate_come_on_top_of_the_surge(survive: Scenario) -> None:
    """Two replicas, one of surge, a long drain: the pods on their way out are not counted, so that four are there."""
    app = survive.deploy(server(replicas=2, pre_stop_s=8, max_surge=1, max_unavailable=0))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        MostThere(
            labels=tuple(app.selector.items()),
            at_least=4,
            at_most=4,
            reason="replicas + surge = 3 of which one is old; the first old one drains 8 s, long enough for the second",
        ),
        NoErrors(),
        NoOutage(),
    )
