"""What each pod does by itself, asked at its own address, beside what its Service thinks of it (rows B1)."""

import pytest

from harness.deploy import server
from harness.disrupt import Rollout
from harness.judge.expect import NoErrors, SomeErrors
from harness.judge.expect_probes import DeafWhileReady, NoDeafPod
from harness.load import EachPod, NewConnections
from harness.scenario import Scenario

PROBES = (NewConnections(), EachPod())
START_UP = ("--startup-delay-s", "2")


@pytest.mark.row("B1", "rollout-naive-each-pod", "rollout")
def test_without_probes_a_pod_is_ready_before_it_listens(survive: Scenario) -> None:
    """The new pod is in the Service from its container's start, and refuses whoever asks it for its start-up delay."""
    app = survive.deploy(server(replicas=1, args=START_UP, probes=False))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(
        SomeErrors(probe="service"),
        DeafWhileReady(at_least=20, reason="2 s of start-up, of 50 requests/s to each of two pods a part of a second"),
    )


@pytest.mark.row("B1", "rollout-correct-each-pod", "rollout")
def test_with_probes_and_a_drain_every_ready_pod_answers(survive: Scenario) -> None:
    """Ready means listening: at every moment each pod that the Service calls ready answers at its own address too."""
    app = survive.deploy(server(replicas=1, args=START_UP, pre_stop_s=4))
    with survive.load(app, background=0, probes=PROBES):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(NoErrors(probe="service"), NoDeafPod())
