"""A rollout to a revision whose startup probe fails (rows B6)."""

import pytest

from harness.clock import seconds
from harness.deploy import server
from harness.deploy.server import probe
from harness.disrupt import FailStartup, Rollout
from harness.judge.expect import Evidence, NoErrors, NoOutage, Restarts, Seen
from harness.proof import pods
from harness.scenario import Scenario

TIGHT_S = 3
SLOW_S = 8
BACK_OFF_S = 10
AT_ONCE_S = 4
"""The kubelet starts the container in the same turn in which it stopped it; whole seconds, and a busy machine."""


def pauses_s(evidence: Evidence) -> dict[int, float]:
    """From the end of a container's run to the begin of the next, by the restart's number, in whole seconds."""
    return {
        one.restarts: seconds(one.started_ns - one.last_finished_ns)
        for life in pods(evidence.history, app="server")
        for pod in life.seen
        for one in pod.containers
        if one.state == "running" and one.started_ns is not None and one.last_finished_ns is not None
    }


def third_waits(evidence: Evidence) -> bool | None:
    """Whether only the third restart had to wait."""
    pauses = pauses_s(evidence)
    if not {1, 2, 3} <= pauses.keys():
        return None
    return pauses[1] <= AT_ONCE_S and pauses[2] <= AT_ONCE_S and pauses[3] >= BACK_OFF_S - 1


@pytest.mark.row("B6", "startup-failure-never", "startup", takes_s=40)
def test_a_revision_that_never_starts_is_restarted_for_ever_and_the_old_pods_serve_on(survive: Scenario) -> None:
    """The new revision never opens its port: restarted again and again, never Ready, and the rollout stands still."""
    app = survive.deploy(server(replicas=2))
    never = {"args": ["--startup-delay-s", "3600"], "startupProbe": probe("/startz", TIGHT_S)}
    with survive.load(app):
        survive.restart(FailStartup(app.name, app.selector, never, restarts=3))
    survive.expect(
        Seen(
            what="restarted twice at once, and only then after a back-off of 10 s",
            predicate=third_waits,
            reason="the kubelet looks for an exited container before it stops this one (docs/discoveries.md); a crash"
            " has to wait from its second restart on",
        ),
        NoErrors(reason="maxUnavailable 25 % of 2 is 0: no old pod goes before a new one is Ready"),
        NoOutage(),
    )


@pytest.mark.row("B6", "startup-failure-tight", "startup", takes_s=22)
def test_a_slow_start_against_a_tight_threshold_never_gets_there(survive: Scenario) -> None:
    """The new revision would open its port after 8 s, but its startup probe gives up after 3 s, each time anew."""
    app = survive.deploy(server(replicas=2))
    tight = {"args": ["--startup-delay-s", str(SLOW_S)], "startupProbe": probe("/startz", TIGHT_S)}
    with survive.load(app):
        survive.restart(FailStartup(app.name, app.selector, tight))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.row("B6", "startup-slow-allowed", "rollout", takes_s=33)
def test_a_slow_start_with_a_wide_threshold_only_takes_its_time(survive: Scenario) -> None:
    """The same slow start, but the startup probe waits for up to 60 s: nothing is restarted, nothing is lost."""
    app = survive.deploy(server(replicas=1, args=["--startup-delay-s", str(SLOW_S)], pre_stop_s=4))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(Restarts(count=0, labels=tuple(app.selector.items())), NoErrors(), NoOutage())
